"""The market: prices, volatilities, chains and calendars as pure functions of seed and tick."""
