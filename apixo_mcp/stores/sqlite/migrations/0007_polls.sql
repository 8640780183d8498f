alter table task rename column looks to polls;
