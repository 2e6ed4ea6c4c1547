document.title = "Console";
