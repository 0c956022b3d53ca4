package main

import (
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/litefwd/litefwd"
)

// T is the table for GORM.
type T struct {
	ID   int64
	Name string
	N    int
}

// TableName is the one that all write.
func (T) TableName() string { return "t" }

// openGORM opens GORM on the node. By default it wraps each write in a
// transaction of its own, which cannot share a commit.
func openGORM(node *litefwd.Node, tx bool) (*gorm.DB, error) {
	return gorm.Open(sqlite.New(sqlite.Config{Conn: node.DB()}), &gorm.Config{
		SkipDefaultTransaction: !tx, PrepareStmt: true, Logger: logger.Discard,
	})
}
