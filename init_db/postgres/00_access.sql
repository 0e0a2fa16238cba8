-- What nobody needs is taken away: PUBLIC may neither connect here nor make objects.
revoke all on database {database} from public;
revoke all on schema public from public;
grant connect on database {database} to {generator}, {reader};
