"""The pages: of runs, areas, versions, the map and the proof, and the same on the terminal. They need no framework.

Imported by: cli, lab.

To add the page of an area: a module here and an entry in `PAGES` of area_pages.py. To add a template: templates/.
"""
