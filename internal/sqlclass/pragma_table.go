package sqlclass

import "strings"

// pragmaAct is what one form of a PRAGMA does.
type pragmaAct uint8

const (
	// actLocal acts on the connection alone. It is also what becomes of a
	// PRAGMA that is not in the table: SQLite ignores one that it does not
	// know, and those of extensions and VFSes are about the connection.
	actLocal pragmaAct = iota
	// actForget is actLocal and drops the connection's temp objects.
	actForget
	// actRead reads the database; it has the same answer on the primary.
	actRead
	// actShow reads the connection's own state.
	actShow
	// actWrite changes the main database.
	actWrite
	// actAlone is actWrite, and SQLite refuses or ignores it in a transaction.
	actAlone
	// actSetting changes what the connection's later statements do.
	actSetting
	// actSettingAlone is actSetting, ignored in a transaction.
	actSettingAlone
	// actOwned is litefwd's own to set.
	actOwned
	// actRefuse must not be done to a replicated database.
	actRefuse
)

// pragmaRule says what a PRAGMA does without a value and with one.
type pragmaRule struct {
	get, set pragmaAct
	// value, if not nil, stands in for set; it gets the value unquoted and
	// in lower case.
	value func(string) pragmaAct
	// perDatabase: what is refused for main is harmless for a database that
	// is the connection's own.
	perDatabase bool
}

var (
	selects = pragmaRule{get: actRead, set: actRead} // the value selects
	show    = pragmaRule{get: actShow, set: actShow}
	header  = pragmaRule{get: actRead, set: actWrite}
	format  = pragmaRule{get: actRead, set: actAlone} // takes effect with the next VACUUM
	local   = pragmaRule{get: actShow, set: actLocal}
	action  = pragmaRule{get: actLocal, set: actLocal}
	setting = pragmaRule{get: actShow, set: actSetting}
	refused = pragmaRule{get: actShow, set: actRefuse}
)

// pragmas is every PRAGMA of pragma.html as of SQLite 3.54, with those that
// are deprecated or for debugging.
var pragmas = map[string]pragmaRule{
	"collation_list":    show,
	"compile_options":   show,
	"data_version":      show,
	"database_list":     show,
	"foreign_key_check": selects,
	"foreign_key_list":  selects,
	"freelist_count":    selects,
	"function_list":     show,
	"index_info":        selects,
	"index_list":        selects,
	"index_xinfo":       selects,
	"integrity_check":   selects,
	"lock_status":       show,
	"module_list":       show,
	"page_count":        selects,
	"pragma_list":       show,
	"quick_check":       selects,
	"stats":             selects,
	"table_info":        selects,
	"table_list":        selects,
	"table_xinfo":       selects,

	"application_id":     header,
	"auto_vacuum":        format,
	"default_cache_size": header, // deprecated: it is in the file
	"encoding":           format,
	"incremental_vacuum": {get: actWrite, set: actWrite},
	"journal_mode":       {get: actRead, value: journalMode, perDatabase: true},
	"optimize":           {get: actWrite, set: actWrite},
	"page_size":          format,
	"schema_version":     header,
	"user_version":       header,
	"wal_checkpoint":     {get: actAlone, set: actAlone},

	// What the primary's durability is, its node's configuration decides:
	// synchronous, fullfsync and the like act on the local copy only.
	"automatic_index":        local,
	"busy_timeout":           local,
	"cache_size":             local,
	"cache_spill":            local,
	"cell_size_check":        local,
	"checkpoint_fullfsync":   local,
	"empty_result_callbacks": local,
	"fullfsync":              local,
	"hard_heap_limit":        local,
	"journal_size_limit":     local,
	"locking_mode":           {get: actShow, value: lockingMode, perDatabase: true},
	"max_page_count":         local,
	"mmap_size":              local,
	"parser_trace":           local,
	"read_uncommitted":       local,
	"shrink_memory":          action,
	"soft_heap_limit":        local,
	"sql_trace":              local,
	"synchronous":            local,
	"temp_store":             {get: actShow, set: actForget}, // drops temp tables
	"threads":                local,
	"vdbe_addoptrace":        local,
	"vdbe_debug":             local,
	"vdbe_eqp":               local,
	"vdbe_listing":           local,
	"vdbe_trace":             local,
	"wal_autocheckpoint":     local,

	"analysis_limit":            setting,
	"case_sensitive_like":       {get: actLocal, set: actSetting}, // cannot be read
	"count_changes":             setting,
	"defer_foreign_keys":        setting,
	"foreign_keys":              {get: actShow, set: actSettingAlone},
	"full_column_names":         setting,
	"ignore_check_constraints":  setting,
	"legacy_alter_table":        setting,
	"recursive_triggers":        setting,
	"reverse_unordered_selects": setting,
	"secure_delete":             setting,
	"short_column_names":        setting,
	"trusted_schema":            setting,

	"query_only":           {get: actShow, set: actOwned},
	"writable_schema":      {get: actShow, value: writableSchema},
	"activate_extensions":  refused,
	"data_store_directory": refused, // of the whole process
	"lock_proxy_file":      refused,
	"temp_store_directory": refused, // of the whole process
}

// journalMode: SQLite takes the first mode, in this order, that begins with
// the value, and only reports the mode if there is none (pragma.c). MEMORY
// and OFF lose the file in a crash, and LiteFS cannot follow them.
func journalMode(value string) pragmaAct {
	for _, mode := range []string{"delete", "persist", "off", "truncate", "memory", "wal"} {
		if !strings.HasPrefix(mode, value) {
			continue
		}
		if mode == "off" || mode == "memory" {
			return actRefuse
		}
		return actAlone
	}
	return actRead
}

// lockingMode: an exclusive lock on the local copy stops its replication.
func lockingMode(value string) pragmaAct {
	switch value {
	case "exclusive":
		return actRefuse
	case "normal":
		return actLocal
	}
	return actShow
}

// writableSchema refuses all but what sqlite3GetBoolean takes for off: a
// schema edited on a connection that many callers share would be theirs too.
func writableSchema(value string) pragmaAct {
	switch value {
	case "0", "off", "no", "false":
		return actLocal
	}
	return actRefuse
}
