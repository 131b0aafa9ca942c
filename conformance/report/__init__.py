"""The pages of runs, areas, versions, the map and the proof, and their terminal versions. No framework is needed.

Imported by: cli, lab.

To add an area's page: a module here and an entry in `PAGES` of area_pages.py. To add a template: templates/.
"""
