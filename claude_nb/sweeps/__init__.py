"""Sweeps: one prompt under many settings, and the replies side by side.

api          the public functions                 plan      lists of settings -> cases with their requests
sweep        a plan that is run and resumed       results   rows, summary, best case
forecast     calls and costs in advance           files     save and load
check        pass rate of a prompt                first_words  frequencies of first words
mapping      a prompt for each row of a table     rows      rows of tables and lists
engine       threads, queue, throttle, workers    metrics   every metric, and the statistics
views        grid, columns, bars and plots
"""
