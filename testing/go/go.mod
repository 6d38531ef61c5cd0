module example.com/portraitdtest

go 1.19
