"""What is checked: problems, cases, constructor calls, and the first two stages of a check, plan and observation.

Only economy.py decides what runs in which mode and for how long.
Imported by: areas, checking, cli, judge, porting, proof, report, run.

To add a problem: problems.py. To add a case of every optimizer: table.py; one of a single framework is in its
binding's entry.
"""
