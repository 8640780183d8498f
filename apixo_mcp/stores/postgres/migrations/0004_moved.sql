-- Which store went where, or came from where (`apixo_mcp/stores/moving/moves.py`).
create table moved (
  move_id text collate "C" primary key,
  way text collate "C" not null,
  at double precision not null,
  other text collate "C" not null,
  other_id text collate "C" not null
);
