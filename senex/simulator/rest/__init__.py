"""REST endpoints, grouped as the broker groups them; each derives its reply from books and board."""
