"""Pages are self-contained, and what they show is text."""

import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from edge.report import page, svg

HOSTILE = "<script>alert('a & b')</script>"


class Reader(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, content):
        HTMLParser.__init__(self)
        self.tags, self.texts = [], []
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_what_is_said_of_a_model_cannot_become_a_script():
    parts = [page.heading(HOSTILE), page.paragraph(HOSTILE, "bad"), page.table([HOSTILE], [[HOSTILE]])]
    read = Reader(page.page(HOSTILE, parts + [svg.svg(10, [svg.label(1, 1, HOSTILE)], HOSTILE)]))
    assert "script" not in read.tags and read.texts.count(HOSTILE) == 7


def test_a_page_loads_nothing():
    content = page.page("night", [svg.curve([(0.0, 1.0), (60.0, 2.0)], 3.0)])
    assert not re.search(r"(src|href)=|url\(|@import|https?:", content)


def test_a_curve_lies_inside_its_picture_and_its_bound_above_it():
    picture = ElementTree.fromstring(svg.curve([(0.0, 1.0), (30.0, 4.0), (60.0, 2.0)], 5.0))
    (curve,) = picture.findall("polyline")
    points = [tuple(float(n) for n in point.split(",")) for point in curve.get("points").split()]
    assert [x for x, _ in points] == [svg.LEFT, (svg.LEFT + svg.WIDTH - svg.RIGHT) / 2, svg.WIDTH - svg.RIGHT]
    (bound,) = [shape for shape in picture.findall("line") if shape.get("class") == "budget"]
    assert float(bound.get("y1")) < min(y for _, y in points) < points[0][1] <= 160


def test_dots_of_what_is_not_finite_are_left_out():
    picture = ElementTree.fromstring(svg.scatter([(0.0, 1.0), (None, 1.0), (1.0, None), (2.0, -1.0)], "x", "y"))
    assert len(picture.findall("circle")) == 2
    assert svg.scatter([(None, 1.0)], "x", "y") == ""


def test_scales():
    place = svg.log_scale(0.1, 10.0, 0.0, 100.0)
    assert [place(value) for value in (0.01, 0.1, 1.0, 10.0, 100.0)] == pytest.approx([0, 0, 50, 100, 100])
    assert svg.decades(0.01, 100) == [0.01, 0.1, 1.0, 10.0, 100.0]
    assert svg.linear_scale(2.0, 2.0, 0.0, 1.0)(2.0) == 0.0 and not math.isnan(svg.linear_scale(0, 0, 0, 1)(1.0))
