"""Evaluations: prompts over the rows of a table, graded, and compared with statistics that are honest.

api         evaluate()                               rows        tables of any kind as rows
table       rows and variants -> cases               evaluation  the result: cells, summary, failures, flips
graders     exact, one_of, contains, regex ...       comparison  two variants on the same rows
judge       a model as a grader                      files       save and load
"""

from claude_nb.sweeps.evaluation import graders as graders
