module viva.example/interop

go 1.19
