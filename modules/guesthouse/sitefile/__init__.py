"""Room: from YAML text to a Site, with every problem at once and its place in the file.

Comes in: the path of a site file. Goes out: a SiteFile (a Site, or located problems); and, from the
models and the annotated example, the JSON schema and the reference of site files. May import:
model and errors. The third-party names here are PyYAML (one file, ``nodes.py``) and jsonschema
(one file, ``cloud_config.py``).
"""

from guesthouse.sitefile.reader import SiteFile, read

__all__ = ["SiteFile", "read"]
