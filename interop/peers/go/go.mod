module gopeer

go 1.18
