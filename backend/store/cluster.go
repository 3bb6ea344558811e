package store

import (
	"context"
	"encoding/json"
	"math"
	"strconv"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// CreatePriorityClass makes a priority class. CONFLICT when the name is taken.
func (s *Store) CreatePriorityClass(ctx context.Context, actor core.Actor, in wire.PriorityClassCreate) (class wire.PriorityClass, err error) {
	arg := db.InsertPriorityClassParams{Name: in.Name, PreemptionPolicy: in.PreemptionPolicy, GlobalDefault: in.GlobalDefault, Description: in.Description}
	if in.Value != nil {
		arg.Value = *in.Value
	}
	if arg.PreemptionPolicy == "" {
		arg.PreemptionPolicy = "PreemptLowerPriority"
	}
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.InsertPriorityClass(ctx, arg)
		class = wire.PriorityClass(row)
		return mapError("insert priority class", err)
	})
	return class, err
}

// ListPriorityClasses lists them all, the most important first.
func (s *Store) ListPriorityClasses(ctx context.Context, actor core.Actor) (all []wire.PriorityClass, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.ListPriorityClasses(ctx)
		for _, r := range rows {
			all = append(all, wire.PriorityClass(r))
		}
		return mapError("list priority classes", err)
	})
	return all, err
}

// PriorityClass reads one; NOT_FOUND when the actor may not see it.
func (s *Store) PriorityClass(ctx context.Context, actor core.Actor, name string) (class wire.PriorityClass, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		class, err = readPriorityClass(ctx, q, name)
		return err
	})
	return class, err
}

func readPriorityClass(ctx context.Context, q *db.Queries, name string) (wire.PriorityClass, error) {
	row, err := q.GetPriorityClass(ctx, name)
	if err != nil {
		return wire.PriorityClass{}, notFound("get priority class", "priority class", err)
	}
	return wire.PriorityClass(row), nil
}

// UpdatePriorityClass changes what the patch gives. CONFLICT when the revision has moved on.
func (s *Store) UpdatePriorityClass(ctx context.Context, actor core.Actor, name string, patch wire.PriorityClassPatch) (class wire.PriorityClass, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.UpdatePriorityClass(ctx, db.UpdatePriorityClassParams{Name: name, Description: patch.Description, GlobalDefault: patch.GlobalDefault, Revision: patch.Revision})
		if err != nil {
			return mapError("update priority class", err)
		}
		class, err = readPriorityClass(ctx, q, name)
		return explainChange("priority class", n, err, patch.Revision, class)
	})
	return class, err
}

// DeletePriorityClass deletes one. CONFLICT while pods have it.
func (s *Store) DeletePriorityClass(ctx context.Context, actor core.Actor, name string) error {
	return s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.DeletePriorityClass(ctx, name)
		if err != nil || n > 0 {
			return mapError("delete priority class", err)
		}
		_, err = q.GetPriorityClass(ctx, name)
		return refusedUnless("delete priority class", "priority class", err)
	})
}

// Settings lists every key of the cluster's configuration, whether it is set or not.
func (s *Store) Settings(ctx context.Context, actor core.Actor) (all []wire.Setting, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		all, err = readSettings(ctx, q, nil)
		return err
	})
	return all, err
}

func readSettings(ctx context.Context, q *db.Queries, key *string) ([]wire.Setting, error) {
	rows, err := q.ListSettings(ctx, key)
	if err != nil {
		return nil, mapError("list settings", err)
	}
	all := make([]wire.Setting, len(rows))
	for i, r := range rows {
		all[i] = wire.Setting{Key: r.Key, Type: r.Type, Value: r.Value, Default: r.DefaultValue, Set: r.IsSet, Description: r.Description, UpdatedAt: r.UpdatedAt, Revision: r.Revision}
	}
	return all, nil
}

// Setting reads one key; NOT_FOUND when there is no such key.
func (s *Store) Setting(ctx context.Context, actor core.Actor, key string) (setting wire.Setting, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		setting, err = readSetting(ctx, q, key)
		return err
	})
	return setting, err
}

func readSetting(ctx context.Context, q *db.Queries, key string) (wire.Setting, error) {
	all, err := readSettings(ctx, q, &key)
	if err != nil {
		return wire.Setting{}, err
	}
	if len(all) == 0 {
		return wire.Setting{}, core.Errorf(core.CodeNotFound, "there is no such setting").WithHint("GET /api/config lists all of them.")
	}
	return all[0], nil
}

// PutSetting sets a key. VALIDATION_ERROR when the value is not one for it.
func (s *Store) PutSetting(ctx context.Context, actor core.Actor, key string, value json.RawMessage, revision *int64) (setting wire.Setting, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		if _, err := readSetting(ctx, q, key); err != nil {
			return err
		}
		n, err := q.PutSetting(ctx, db.PutSettingParams{Key: key, Value: value, Revision: revision})
		if err != nil {
			return mapError("put setting", err)
		}
		setting, err = readSetting(ctx, q, key)
		return explainChange("setting", n, err, revision, setting)
	})
	return setting, err
}

// ResetSetting makes the default of a key hold again. Resetting what is not set changes nothing.
func (s *Store) ResetSetting(ctx context.Context, actor core.Actor, key string) (setting wire.Setting, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		before, err := readSetting(ctx, q, key)
		if err != nil || !before.Set {
			setting = before
			return err
		}
		n, err := q.DeleteSetting(ctx, key)
		if err != nil {
			return mapError("reset setting", err)
		}
		setting, err = readSetting(ctx, q, key)
		return explainChange("setting", n, err, nil, setting)
	})
	return setting, err
}

// ListEvents lists what the actor may see of what happened, newest first, and gives the cursor of the next page.
func (s *Store) ListEvents(ctx context.Context, actor core.Actor, f wire.EventFilter) (all []wire.Event, next string, err error) {
	_, size := slice(wire.Slice{Limit: f.Limit})
	before := f.Before
	if before == 0 {
		before = math.MaxInt64
	}
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.ListEvents(ctx, db.ListEventsParams{
			Kind: f.Kind, ObjectID: f.ObjectID, ObjectName: f.ObjectName, Namespace: f.Namespace, Type: f.Type, Reason: f.Reason, Since: f.Since, BeforeID: before, PageSize: size,
		})
		if more := len(rows) == int(size); more {
			rows = rows[:len(rows)-1]
			next = strconv.FormatInt(rows[len(rows)-1].ID, 10)
		}
		for _, r := range rows {
			all = append(all, eventOf(db.WatchedEventsRow(r)))
		}
		return mapError("list events", err)
	})
	return all, next, err
}
