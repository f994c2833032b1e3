"""Measure replies: the table of metrics, and the statistics behind them."""
