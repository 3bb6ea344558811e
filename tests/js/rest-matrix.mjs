// Every table, every verb, every kind of caller, through supabase-js: what supabase/tests/02_matrix.sql asks of SQL, asked of PostgREST's
// dialect. Nothing is kept: each write is rolled back. Driven by tests/integration/matrix_rest_test.go, which sets up the world of the pgTAP
// tests (supabase/tests/helpers/world.psql) and the environment.
import assert from 'node:assert/strict'
import test from 'node:test'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const env = name => process.env[name] ?? assert.fail(`${name} is not set`)
const tokens = JSON.parse(env('TOKENS')) // by actor; anon and service have none
const actors = ['anon', 'nobody', 'agent', 'viewer', 'other', 'dev', 'operator', 'admin', 'service'] // refusals first
const clients = Object.fromEntries(actors.map(actor => [actor, createClient(env('SUPABASE_URL'), env(actor === 'service' ? 'SECRET_KEY' : 'PUBLISHABLE_KEY'), {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: ws }, // Node.js 20 has no WebSocket
  ...(tokens[actor] && { accessToken: async () => tokens[actor] }),
})]))

const id = (kind, n) => `${kind}0000000-0000-4000-8000-00000000000${n}`
const dev = id('a', 4)
const [privatePack, publicPack, othersPack] = [1, 2, 3].map(n => id('b', n))
const [agentNode, devNode] = [1, 2].map(n => id('c', n))
const [devPod, waitingPod] = [1, 3].map(n => id('d', n))
const pack = owner => ({ name: 'fresh', version: '1.0.0', runtime_tag: 'node', bundle_path: `${owner}/fresh/1.0.0/b.mjs`, bundle_sha256: 'b'.repeat(64), bundle_size: 1 })

const read = { anon: '42501', nobody: '0', agent: '0', else: '1' } // all who have a part in the cluster
const managed = { anon: '42501', dev: '1', operator: '1', admin: '1', service: '1', else: '0' } // the developer's own
const admins = { anon: '42501', admin: '1', service: '1', else: '0' }
const serviceOnly = { service: '1' }

// expected lists the actors that are not simply refused with 42501, by rows or SQLSTATE.
const select = (where, expected) => ({ verb: 'select', run: t => t.select('*').match(where), expected })
const insert = (row, expected) => ({ verb: 'insert', run: t => t.insert(row, { count: 'exact' }), expected })
const update = (row, where, expected) => ({ verb: 'update', run: t => t.update(row, { count: 'exact' }).match(where), expected })
const remove = (where, expected) => ({ verb: 'delete', run: t => t.delete({ count: 'exact' }).match(where), expected })

const matrix = {
  users: [
    select({ email: 'dev@example.com' }, { nobody: '0', agent: '0', viewer: '0', other: '0', dev: '1', operator: '1', admin: '1', service: '1' }),
    insert({ id: id('a', 9) }, { service: '23503' }), // only through Auth
    update({ display_name: 'x' }, { id: dev }, { nobody: '0', agent: '0', viewer: '0', other: '0', dev: '1', operator: '0', admin: '1', service: '1' }),
    update({ role: 'admin' }, { id: dev }, { nobody: '0', agent: '0', viewer: '0', other: '0', operator: '0', admin: '1', service: '1' }),
    update({ email: 'x@example.com' }, { id: dev }, serviceOnly),
    remove({ id: id('a', 2) }, serviceOnly),
  ],
  namespaces: [
    select({ name: 'team' }, read),
    insert({ name: 'new' }, { operator: '1', admin: '1', service: '1' }),
    update({ resource_quota: {} }, { name: 'team' }, { anon: '42501', operator: '1', admin: '1', service: '1', else: '0' }),
    remove({ name: 'team' }, { anon: '42501', operator: '23503', admin: '23503', service: '23503', else: '0' }), // has pods
  ],
  namespace_usage: [
    select({ namespace: 'team' }, read),
    insert({ namespace: 'default' }, {}),
    update({ pods: 0 }, { namespace: 'team' }, {}),
    remove({ namespace: 'team' }, {}),
  ],
  priority_classes: [
    select({ name: 'batch' }, read),
    insert({ name: 'new', value: 5 }, { admin: '1', service: '1' }),
    update({ description: 'x' }, { name: 'batch' }, admins),
    remove({ name: 'batch' }, admins),
  ],
  cluster_config: [
    select({ key: 'logs.maxLinesPerPod' }, read),
    insert({ key: 'scheduler.preemption', value: true }, { admin: '1', service: '1' }),
    update({ value: 100 }, { key: 'logs.maxLinesPerPod' }, admins),
    remove({ key: 'logs.maxLinesPerPod' }, admins),
  ],
  packs: [
    select({ id: privatePack }, { anon: '42501', dev: '1', admin: '1', service: '1', else: '0' }), // those of others do not exist
    select({ id: publicPack }, read),
    insert(pack(dev), { dev: '1', service: '1' }), // from the developer's folder
    update({ visibility: 'public' }, { id: privatePack }, { anon: '42501', dev: '1', admin: '1', service: '1', else: '0' }),
    update({ bundle_sha256: 'c'.repeat(64) }, { id: publicPack }, { service: '23514' }),
    remove({ id: privatePack }, { anon: '42501', dev: '23503', admin: '23503', service: '23503', else: '0' }), // in use
  ],
  nodes: [
    select({ id: devNode }, read),
    insert({ name: 'fresh', runtime_type: 'node' }, { agent: '1', other: '1', dev: '1', operator: '1', admin: '1', service: '1' }),
    update({ labels: { a: 'b' } }, { id: devNode }, managed),
    update({ unschedulable: true }, { id: agentNode }, { operator: '1', admin: '1', service: '1', agent: '42501', anon: '42501', else: '0' }),
    update({ access: 'shared' }, { id: devNode }, { ...managed, dev: '42501' }),
    update({ status: 'unhealthy' }, { id: devNode }, serviceOnly),
    remove({ id: devNode }, managed),
  ],
  node_leases: [
    select({ node_id: agentNode }, read),
    insert({ node_id: devNode, session_id: dev, boot_id: dev, server_id: 's' }, serviceOnly),
    update({ server_id: 'x' }, { node_id: agentNode }, serviceOnly),
    remove({ node_id: agentNode }, serviceOnly),
  ],
  leader_lease: [
    select({ name: 'control' }, { anon: '42501', operator: '1', admin: '1', service: '1', else: '0' }),
    insert({ name: 'x', holder: 'me', epoch: 1, expires_at: '2026-01-01T00:00:00Z' }, serviceOnly),
    update({ holder: 'me' }, { name: 'control' }, serviceOnly),
    remove({ name: 'control' }, serviceOnly),
  ],
  pods: [
    select({ id: devPod }, read),
    insert({ pack_id: publicPack }, { other: '1', dev: '1', operator: '1', admin: '1', service: '1' }),
    insert({ pack_id: privatePack }, { dev: '1', admin: '1', service: '1' }),
    insert({ pack_id: publicPack, created_by: dev }, serviceOnly), // nobody acts in another's name
    insert({ pack_id: publicPack, node_id: agentNode, status: 'scheduled' }, { service: '23514' }),
    update({ desired_state: 'stopped' }, { id: devPod }, managed),
    update({ labels: { a: 'b' } }, { id: devPod }, managed),
    update({ status: 'running' }, { id: devPod }, serviceOnly),
    update({ node_id: devNode }, { id: devPod }, { service: '23514' }),
    remove({ id: devPod }, managed),
  ],
  pod_history: [
    select({ pod_id: waitingPod }, read),
    insert({ pod_id: devPod, event: 'created' }, {}),
    update({ reason: 'x' }, { pod_id: devPod }, {}),
    remove({ pod_id: devPod }, {}),
  ],
  pod_logs: [
    select({ pod_id: devPod }, managed), // no part of "read all"
    insert({ pod_id: devPod, incarnation: 1, at: '2026-01-01T00:00:00Z', stream: 'stdout', line: 'x' }, serviceOnly),
    update({ line: 'x' }, { pod_id: devPod }, serviceOnly),
    remove({ pod_id: devPod }, serviceOnly),
  ],
  deployments: [
    select({ name: 'dev-deployment' }, read),
    insert({ name: 'fresh', pack_id: publicPack }, { other: '1', dev: '1', operator: '1', admin: '1', service: '1' }),
    insert({ name: 'fresh', pack_id: privatePack }, { dev: '1', admin: '1', service: '1' }),
    update({ replicas: 3 }, { name: 'dev-deployment' }, managed),
    update({ pack_id: othersPack }, { name: 'dev-deployment' }, { anon: '42501', dev: '42501', operator: '42501', admin: '42501', service: '1', else: '0' }),
    remove({ name: 'dev-deployment' }, managed),
  ],
  deployment_revisions: [
    select({ deployment_id: id('e', 1) }, read),
    insert({ deployment_id: id('e', 1), generation: 9, pack_id: publicPack, spec: {} }, {}),
    update({ spec: {} }, { deployment_id: id('e', 1) }, {}),
    remove({ deployment_id: id('e', 1) }, {}),
  ],
  events: [
    select({ object_name: 'for-all' }, read),
    select({ object_name: 'for-operators' }, { anon: '42501', operator: '1', admin: '1', service: '1', else: '0' }),
    select({ object_name: 'for-owner' }, { anon: '42501', dev: '1', admin: '1', service: '1', else: '0' }),
    insert({ kind: 'cluster', reason: 'tested' }, serviceOnly),
    update({ reason: 'x' }, { object_name: 'for-all' }, {}),
    remove({ object_name: 'for-all' }, {}),
  ],
}

for (const [table, cases] of Object.entries(matrix)) {
  test(table, async () => {
    for (const [i, { verb, run, expected }] of cases.entries()) {
      for (const actor of actors) {
        const { data, count, error, status } = await run(clients[actor].from(table)).rollback()
        const got = error ? error.code : String(verb === 'select' ? data.length : count)
        const want = expected[actor] ?? expected.else ?? '42501'
        const what = `${verb} ${table} (case ${i + 1}) as ${actor}: ${error?.message ?? status}`
        assert.equal(got, want, what)
        if (want === '42501') assert.equal(status, actor === 'anon' ? 401 : 403, what)
      }
    }
  })
}

test('no table or verb is left out above', () => {
  const covered = Object.entries(matrix).flatMap(([table, cases]) => [...new Set(cases.map(c => `${table} ${c.verb}`))])
  const all = JSON.parse(env('TABLES')).flatMap(table => ['select', 'insert', 'update', 'delete'].map(verb => `${table} ${verb}`))
  assert.deepEqual(covered.sort(), all.sort())
})
