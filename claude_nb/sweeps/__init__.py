"""Sweeps: one prompt, a grid of settings, the replies side by side. Knows no notebook.

plan      lists of settings -> cases with their requests       measures  every metric, declared once
forecast  what it will take, before anything is sent           results   rows, summary, best case
runner    some calls at once; pace: how many                   sweep     a plan that is run, stopped, resumed
worker    one call in another process                          files, plots, table   what leaves
"""
