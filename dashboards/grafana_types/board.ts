// The type of our boards: Grafana's own types, including the options of each kind of panel. The boards are JSON, so an
// enum member is written as its value.
import type { Dashboard, DataQuery, FieldConfig, Panel, VariableModel } from "@grafana/schema";
import type {
  FieldConfig as BarField,
  Options as BarOptions,
} from "@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type {
  FieldConfig as TableField,
  Options as TableOptions,
} from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type {
  FieldConfig as SeriesField,
  Options as SeriesOptions,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

type Value<T> = T extends string
  ? `${T}`
  : T extends number
    ? number extends T
      ? number
      : `${T}` extends `${infer N extends number}`
        ? N
        : never
    : T;
type Plain<T> = T extends string | number | boolean | null | undefined
  ? Value<T>
  : T extends (infer E)[]
    ? Plain<E>[]
    : T extends object
      ? { [K in keyof T]: Plain<T[K]> }
      : T;

// The plugins' own query types; no package provides them.
type SqlQuery = DataQuery & {
  rawSql: string;
  rawQuery: true;
  editorMode: "code";
  format: "table" | "time_series";
};
type ClickHouseQuery = DataQuery & { rawSql: string; editorType: "sql"; queryType: "table"; format: 1 };

type Overrides = NonNullable<Panel["fieldConfig"]>["overrides"];
type Drawn<Type extends string, Options, Field> = Omit<Plain<Panel>, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options: Plain<Options>;
  fieldConfig: {
    defaults: Omit<Plain<FieldConfig>, "custom"> & { custom: Plain<Field> };
    overrides: Overrides;
  };
  targets: (SqlQuery | ClickHouseQuery)[];
};

export type Board = Omit<Plain<Dashboard>, "panels" | "templating"> & {
  uid: string;
  title: string;
  templating: { list: (Plain<VariableModel> & { type: "query"; query: string })[] };
  panels: (
    | Drawn<"stat", StatOptions, Record<string, never>>
    | Drawn<"timeseries", SeriesOptions, SeriesField>
    | Drawn<"barchart", BarOptions, BarField>
    | Drawn<"table", TableOptions, TableField>
  )[];
};
