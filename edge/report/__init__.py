"""Pages for people: one self-contained HTML file each, inline SVG, no script, nothing loaded from anywhere.

page.py is the page and its style, svg.py what its pictures are drawn with. The bench's page, the exporter's report and
a night's report are made of them.
"""
