"""What a page of pictures asks for over HTTP: tasks, spending, changes as they happen, small pictures, deleting."""
