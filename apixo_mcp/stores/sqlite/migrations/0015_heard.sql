alter table task add column heard_by text not null default '*';
