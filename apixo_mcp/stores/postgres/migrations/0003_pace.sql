-- How fast all processes together may talk to a gateway with a key: one row a key, written each time one of them takes
-- turns (`apixo_mcp.tasks.ports.pace`). No index but the key's, and room on its page, so that a write moves nothing.
create table pace (
  key_print text collate "C" primary key,
  next_turn double precision not null,
  paused_at double precision not null,
  paused_until double precision not null,
  pause double precision not null
) with (fillfactor = 20);
