"""The broker's books: orders, ledger, lots, margin and fees. Everything a reply says derives from them."""
