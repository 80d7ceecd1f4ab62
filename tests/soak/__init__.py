"""The daemon left alone for a month: everything real, the market in lockstep, a verdict at the end."""
