alter table task add column deleted_at double precision not null default 0;
drop index task_owner;
create index task_owner on task (owner, created_at, task_id, state, modality, model) where deleted_at = 0;
create index task_updated on task (updated_at);
create table searched (
  owner text not null,
  created_at double precision not null,
  task_id text not null,
  doc integer not null,
  text text not null,
  primary key (owner, created_at, task_id)
) without rowid;
insert into searched
  select owner, created_at, task_id, row_number() over (order by owner, created_at, task_id), lower(prompt)
  from task order by owner, created_at, task_id;
create unique index searched_doc on searched (doc);
create trigger task_searched after insert on task begin
  insert into searched values (
    new.owner, new.created_at, new.task_id, coalesce((select max(doc) from searched), 0) + 1, lower(new.prompt)
  );
end;
create table gram_index (upto integer not null);
insert into gram_index values (0);
