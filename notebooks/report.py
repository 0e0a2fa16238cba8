"""Run the notebook from top to bottom and write it as one HTML page that loads nothing from anywhere.

Usage: python -m notebooks.report [FILE]    (without a file the page goes to standard output)
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from notebooks import kernel
from storeline.settings import Settings, load
from storeline.variables import SettingsError

FOLDER = Path(__file__).resolve().parent
NOTEBOOK = FOLDER / "explore.ipynb"
TEMPLATE = FOLDER / "report.html.j2"
# The slowest cell starts a Spark application, which may have to wait for a slot of the cluster.
CELL_SECONDS = 300


class ReportError(Exception):
    """The notebook does not run to its end; the message is one line that says why."""


def executed(settings: Settings, notebook: Path = NOTEBOOK) -> NotebookNode:
    """Return the notebook with its outputs, run in a kernel of its own. Raises ReportError."""
    node: NotebookNode = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        node,
        timeout=CELL_SECONDS,
        extra_arguments=list(kernel.ARGUMENTS),
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    try:
        client.execute(env=os.environ | kernel.environment(settings))
    except CellExecutionError as error:
        reason = (error.evalue.strip() or "no reason given").splitlines()[0]
        raise ReportError(f"{notebook.name}: {error.ename}: {reason}") from None
    except CellTimeoutError:
        raise ReportError(
            f"{notebook.name}: a cell took longer than {CELL_SECONDS} s: has the Spark cluster a free slot?"
        ) from None
    except DeadKernelError:
        raise ReportError(f"{notebook.name}: its kernel has died, perhaps for lack of memory") from None
    return node


def page(node: NotebookNode) -> str:
    """Return a notebook with its outputs as HTML: texts, tables and pictures, without the code."""
    exporter = HTMLExporter(
        template_file=str(TEMPLATE), exclude_input=True, exclude_anchor_links=True, embed_images=True
    )
    return str(exporter.from_notebook_node(node)[0])


def write(file: Path, text: str) -> None:
    """Write the page; whoever opens it sees the old one or the new one."""
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def main(arguments: list[str]) -> None:
    """Make the report. Exits with one line when it cannot be made."""
    try:
        text = page(executed(load()))
        if arguments:
            write(Path(arguments[0]), text)
        else:
            sys.stdout.write(text)
    except (ReportError, SettingsError, OSError) as error:
        sys.exit(f"report: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
