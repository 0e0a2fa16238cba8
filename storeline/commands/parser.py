"""The parser of the `storeline` command, assembled from its verbs."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from types import ModuleType

from storeline.commands import lag, marts, redrive, repair, reset_stream, rollback_marts, sql, status, verify

VERBS: tuple[ModuleType, ...] = (status, sql, verify, repair, marts, rollback_marts, lag, redrive, reset_stream)


def name_of(verb: ModuleType) -> str:
    """Return a verb as it is typed."""
    return verb.__name__.rpartition(".")[2].replace("_", "-")


def parser() -> ArgumentParser:
    """Return the parser of the whole command; each verb's help is its file's docstring."""
    whole = ArgumentParser(prog="storeline", description="Inspect the platform, query it, fix what needs attention.")
    verbs = whole.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        about = (verb.__doc__ or "").strip()
        added = verbs.add_parser(
            name_of(verb),
            help=about.splitlines()[0],
            description=about,
            formatter_class=RawDescriptionHelpFormatter,
        )
        verb.add_arguments(added)
        added.set_defaults(run=verb.run)
    return whole
