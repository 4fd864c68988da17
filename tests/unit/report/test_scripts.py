import json
import re

from steering_reliability.report.page import FILTERS
from steering_reliability.report.scripts import embedded_json, page_script


def test_embedded_data_cannot_end_its_element():
    data = {"text": "</script><!-- <script>&amp; \u2028"}
    text = embedded_json(data)
    assert not set(text) & {"<", ">", "&", "\u2028"}
    assert json.loads(text) == data


def test_the_script_never_takes_text_for_markup():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", page_script())


def test_the_filters_of_the_page_are_those_of_the_script():
    body = re.search(r"const FILTERS = \{(.*?)\n\};", page_script(), re.DOTALL)[1]
    assert sorted(re.findall(r"^  (\w+): ", body, re.MULTILINE)) == sorted(FILTERS)
