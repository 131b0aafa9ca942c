"""What is checked: problems, the table of cases, the constructor calls of a file, and problems run side by side.

May import: bindings, reference. To add a problem: `problems.py`. A case of every optimizer: `table.py`.
"""
