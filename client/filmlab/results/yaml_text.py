"""How does YAML come and go? The one room of the client that loads PyYAML, and only when it is asked.

Written so that Hydra and OmegaConf read the same values; read as they do. Facts: yaml.org/spec/1.2.2, chapter 10.3.
"""

import re
from functools import cache
from typing import Any

from filmlab.errors import BadInput

# YAML 1.1 wants a point in a number with an exponent; YAML 1.2, and so OmegaConf, do not.
_FLOAT = re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$")


def dump(document: dict[str, Any]) -> bytes:
    """A document of plain dicts, lists, texts and numbers."""
    import yaml

    text: str = yaml.dump(
        document, Dumper=_dumper(), sort_keys=False, default_flow_style=False, allow_unicode=True, width=120
    )
    return text.encode("utf-8")


def load(data: bytes, whose: str) -> Any:
    """What a document says. Runs nothing: only plain values are known.

    Raises:
        BadInput: it is no YAML, or has anything but plain values.
    """
    import yaml

    try:
        return yaml.load(data.decode("utf-8"), Loader=_loader())  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{whose}: no YAML of plain values: {' '.join(str(error).split())[:300]}") from None


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        # A text that another reader would take for a number.
        style = "'" if _FLOAT.match(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))
    # A date stays the text that it was written as.
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in Loader.yaml_implicit_resolvers.items()
    }
    return Loader
