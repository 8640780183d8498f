alter table task add column meant_last text not null default '';
