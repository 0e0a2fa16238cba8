-- Revoke what is not needed: PUBLIC may neither connect nor create objects.
revoke all on database {database} from public;
revoke all on schema public from public;
grant connect on database {database} to {generator}, {reader};
