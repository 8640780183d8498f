"""The task store on a Postgres server, which many machines share."""
