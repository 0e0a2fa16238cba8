"""A mart's query in MySQL's dialect, for the rival without Spark."""

import sqlglot
from sqlglot import exp


def in_mysql(query: str) -> str:
    """Return Spark SQL in MySQL's dialect, including what sqlglot cannot translate."""

    def translated(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.UnixMicros):
            return exp.maybe_parse(
                f"timestampdiff(microsecond, '1970-01-01', {node.this.sql('mysql')})", dialect="mysql"
            )
        if isinstance(node, exp.CountIf):
            return exp.maybe_parse(f"cast(sum({node.this.sql('mysql')}) as signed)", dialect="mysql")
        if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
            return exp.maybe_parse(f"cast(date_format({node.this.sql('mysql')}, '%Y-%m-01') as date)", dialect="mysql")
        return node

    return sqlglot.parse_one(query, read="spark").transform(translated).sql("mysql")
