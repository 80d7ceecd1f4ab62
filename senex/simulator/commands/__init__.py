"""Commands that speak to a running simulator, or work on what one left behind."""
