"""The check of links finds what it is for."""

from pathlib import Path

import pytest

from docs.site.links import broken


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("other.md", ""),
        ("other.md#a-heading-of-two-keys", ""),
        ("#here", ""),
        ("https://partner.example/#anything", ""),
        ("gone.md", "no such file"),
        ("other.md#gone", "no such heading"),
        ("#gone", "no such heading"),
        ("other.md#in-code", "no such heading"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, problem: str) -> None:
    (tmp_path / "other.md").write_text("# Other\n\n## A heading, of `two` keys!\n\n```sh\n# In code\n```\n")
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n\n[there]({link})\n\n```js\nconst text = labels[0](gone.md);\n```\n")
    assert [problem for found in broken(page) if problem not in found] == []
    assert bool(list(broken(page))) == bool(problem)
