// What the official JavaScript client makes of the embedded stack's PostgREST: the client's whole query builder on tables of a library, then
// Stark's own tables as the people whom RLS tells apart. Driven by tests/integration/client_rest_test.go, which sets up both and the environment.
import assert from 'node:assert/strict'
import test from 'node:test'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const env = name => process.env[name] ?? assert.fail(`${name} is not set`)

const connect = key =>
  createClient(env('SUPABASE_URL'), key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    realtime: { transport: ws }, // Node.js 20 has no WebSocket
  })

/** The client of somebody who has logged in. */
async function login(name, key = env('PUBLISHABLE_KEY')) {
  const client = connect(key)
  const { data, error } = await client.auth.signInWithPassword({ email: `${name}@example.com`, password: env('PASSWORD') })
  assert.equal(error, null)
  return Object.assign(client, { id: data.user.id })
}

/** The data of an answer that must be a success. */
function ok({ data, error }) {
  assert.equal(error, null, JSON.stringify(error))
  return data
}

/** The error of an answer that must be a refusal. */
function refused({ data, error, status }, wantStatus, code, message) {
  assert.ok(error, `it should have been refused, and answered ${JSON.stringify(data)}`)
  assert.equal(data, null)
  assert.deepEqual({ status, code: error.code }, { status: wantStatus, code }, error.message)
  if (message) assert.match(error.message, message)
  return error
}

const service = connect(env('SECRET_KEY'))
const ids = rows => rows.map(row => row.id)

test('keys of both kinds, and none', async () => {
  for (const key of ['ANON_KEY', 'PUBLISHABLE_KEY']) refused(await connect(env(key)).from('books').select(), 401, '42501')
  for (const key of ['SERVICE_ROLE_KEY', 'SECRET_KEY']) assert.equal(ok(await connect(env(key)).from('books').select()).length, 4)
  const wrong = await connect('sb_secret_wrong').from('books').select()
  assert.equal(wrong.status, 401)
  assert.ok(wrong.error)
})

test('filters', async () => {
  const books = () => service.from('books').select('id').order('id')
  const cases = [
    [books().eq('id', 1), [1]],
    [books().neq('id', 1), [2, 3, 4]],
    [books().gt('pages', 300).lte('pages', 400), [2]],
    [books().gte('pages', 320).lt('pages', 500), [2]],
    [books().like('title', '% and %'), [3]],
    [books().ilike('title', 'the %'), [1, 2]],
    [books().likeAnyOf('title', ['%Left%', '%War%']), [1, 3]],
    [books().likeAllOf('title', ['%The%', '%Left%']), [1]],
    [books().ilikeAnyOf('title', ['%left%', '%WAR%']), [1, 3]],
    [books().regexMatch('title', '^War'), [3]],
    [books().is('pages', null), [4]],
    [books().not('pages', 'is', null), [1, 2, 3]],
    [books().isDistinct('pages', 300), [2, 3, 4]],
    [books().in('title', ['War and Peace', 'an odd, (one)']), [3, 4]],
    [books().notIn('id', [1, 2]), [3, 4]],
    [books().contains('tags', ['sf']), [1, 2]],
    [books().containedBy('tags', ['sf', 'utopia', 'x']), [1, 2]],
    [books().overlaps('tags', ['war', 'utopia']), [2, 3]],
    [books().contains('data', { lent: true }), [1]],
    [books().containedBy('data', { lent: true, to: { name: 'Ann' }, x: 1 }), [1, 2]],
    [books().rangeGt('years', '[1900,1950)'), [1, 2]],
    [books().rangeLt('years', '[1900,1950)'), [3]],
    [books().rangeGte('years', '[1970,1980)'), [2]],
    [books().rangeLte('years', '[1860,1970)'), [1, 3]],
    [books().rangeAdjacent('years', '[1970,1974)'), [1, 2]],
    [books().textSearch('title', 'left & hand', { config: 'english' }), [1]],
    [books().textSearch('title', 'war peace', { type: 'plain', config: 'english' }), [3]],
    [books().textSearch('title', 'left hand', { type: 'phrase', config: 'english' }), [1]],
    [books().textSearch('title', 'peace or dispossessed', { type: 'websearch', config: 'english' }), [2, 3]],
    [books().match({ author_id: 1, pages: 300 }), [1]],
    [books().or('id.eq.1,and(pages.gt.1000,tags.cs.{war}),title.eq."an odd, (one)"'), [1, 3, 4]],
    [books().filter('data->to->>name', 'eq', 'Ann'), [1]],
    [books().eq('title', "'; drop table books; --"), []],
  ]
  for (const [i, [query, want]] of cases.entries()) assert.deepEqual(ids(ok(await query)), want, `case ${i}`)
})

test('select: columns, casts, paths, embedding', async () => {
  const one = query => query.eq('id', 1).single()
  assert.deepEqual(ok(await one(service.from('books').select('called:title, pages::text, data->to->name, lent:data->>lent'))),
    { called: 'The Left Hand of Darkness', pages: '300', name: 'Ann', lent: 'true' })
  assert.deepEqual(ok(await one(service.from('books').select('id, author:authors(name), readers(name)'))),
    { id: 1, author: { name: 'Le Guin' }, readers: [{ name: 'Ann' }, { name: 'Ben' }] })
  assert.deepEqual(ok(await service.from('authors').select('name, books!inner(title)').eq('books.pages', 1200)),
    [{ name: 'Tolstoy', books: [{ title: 'War and Peace' }] }])
  assert.deepEqual(ok(await service.from('authors').select('name, books(id)').order('id').order('pages', { referencedTable: 'books', ascending: false })
    .limit(1, { referencedTable: 'books' })), [{ name: 'Le Guin', books: [{ id: 2 }] }, { name: 'Tolstoy', books: [{ id: 3 }] }])
  assert.deepEqual(ok(await service.from('books').select('id, ...authors(author:name)').or('name.eq.Tolstoy', { referencedTable: 'authors' }).eq('id', 3)),
    [{ id: 3, author: 'Tolstoy' }])
  assert.deepEqual(ids(ok(await service.from('books').select('id, authors(name)').order('authors(name)', { ascending: false, nullsFirst: false }).order('id'))), [3, 1, 2, 4])
  refused(await service.from('books').select('publishers(name)'), 400, 'PGRST200')
  refused(await service.from('books').select('nope'), 400, '42703')
  refused(await service.from('books').select('id,('), 400, 'PGRST100')
  refused(await service.from('bookz').select(), 404, 'PGRST205', /bookz/)
})

test('pages, counts, single objects, CSV, and what is not there', async () => {
  const page = await service.from('books').select('id', { count: 'exact' }).order('id', { ascending: false }).range(1, 2)
  assert.deepEqual({ ids: ids(ok(page)), count: page.count, status: page.status }, { ids: [3, 2], count: 4, status: 206 })
  const head = await service.from('books').select('*', { count: 'exact', head: true }).gt('id', 1)
  assert.deepEqual([head.error, head.count, head.data], [null, 3, null])
  assert.ok(Number.isInteger((await service.from('books').select('*', { count: 'planned' })).count))
  assert.equal((await service.from('books').select('*', { count: 'estimated' })).count, 4)
  assert.equal(refused(await service.from('books').select('id', { count: 'exact' }).range(9, 10), 416, 'PGRST103').details, 'An offset of 9 was requested, but there are only 4 rows.')
  assert.deepEqual(ok(await service.from('books').select('id').eq('id', 9).maybeSingle()), null)
  assert.deepEqual(ok(await service.from('books').select('id').eq('id', 1).maybeSingle()), { id: 1 })
  refused(await service.from('books').select('id').single(), 406, 'PGRST116')
  assert.equal(ok(await service.from('authors').select('id,name').order('id').csv()), 'id,name\n1,"Le Guin"\n2,Tolstoy')
  assert.deepEqual(ok(await service.from('books').select('id,pages').eq('id', 4).stripNulls()), [{ id: 4 }])
  refused(await service.from('books').select().explain(), 406, 'PGRST107')
  refused(await service.schema('auth').from('users').select(), 406, 'PGRST106')
  await assert.rejects(async () => await service.from('books').select('id').eq('id', 9).single().throwOnError(), { code: 'PGRST116' })
})

test('insert, upsert, update, delete', async () => {
  const shelf = () => service.from('shelves')
  const made = await shelf().insert({ name: 'a' })
  assert.deepEqual([made.status, made.data], [201, null])
  assert.deepEqual(ok(await shelf().insert([{ name: 'b', room: 7 }, { name: 'c' }]).select('name, room').order('name')), [{ name: 'b', room: 7 }, { name: 'c', room: null }])
  assert.deepEqual(ok(await shelf().insert([{ name: 'd', room: 7 }, { name: 'e' }], { defaultToNull: false }).select('name, room')), [{ name: 'd', room: 7 }, { name: 'e', room: 1 }])
  const counted = await shelf().insert([{ name: 'f' }, { name: 'g' }], { count: 'exact' })
  assert.equal(counted.count, 2)
  assert.equal(refused(await shelf().insert({ name: 'a' }), 409, '23505').details, 'Key (name)=(a) already exists.')
  refused(await shelf().insert({ nome: 'x' }), 400, 'PGRST204')

  assert.deepEqual(ok(await shelf().upsert([{ name: 'a', room: 2 }, { name: 'h', room: 2 }], { onConflict: 'name' }).select('name, room')), [{ name: 'a', room: 2 }, { name: 'h', room: 2 }])
  assert.deepEqual(ok(await shelf().upsert([{ name: 'a', room: 9 }, { name: 'i', room: 9 }], { onConflict: 'name', ignoreDuplicates: true }).select('name')), [{ name: 'i' }])
  assert.deepEqual(ok(await shelf().select('room').eq('name', 'a').single()), { room: 2 })

  refused(await shelf().update({ room: 0 }), 400, '21000', /UPDATE requires a WHERE clause/)
  const none = await shelf().update({ room: 3 }).eq('name', 'b')
  assert.deepEqual([none.status, none.data], [204, null])
  assert.deepEqual(ok(await shelf().update({ room: 4 }).in('name', ['b', 'c']).select('name, room')), [{ name: 'b', room: 4 }, { name: 'c', room: 4 }])
  assert.equal((await shelf().update({ room: 5 }, { count: 'exact' }).eq('room', 4)).count, 2)
  refused(await shelf().update({ room: 6 }).gt('room', 0).maxAffected(1), 400, 'PGRST124')
  assert.deepEqual(ok(await shelf().update({ room: 8 }).eq('name', 'a').select('room').single().rollback()), { room: 8 })
  assert.deepEqual(ok(await shelf().select('room').eq('name', 'a').single()), { room: 2 })

  refused(await shelf().delete(), 400, '21000', /DELETE requires a WHERE clause/)
  assert.deepEqual(ok(await shelf().delete().eq('name', 'a').select('name').single()), { name: 'a' })
  assert.equal((await shelf().delete({ count: 'exact' }).neq('name', '')).count, 8)
})

test('functions', async () => {
  assert.equal(ok(await service.rpc('add', { a: 1, b: 2 })), 3)
  assert.equal(ok(await service.rpc('add', { a: 1, b: 2 }, { get: true })), 3)
  assert.deepEqual(ok(await service.rpc('thick_books', { min: 250 }).select('id, authors(name)').order('id').limit(1)), [{ id: 1, authors: { name: 'Le Guin' } }])
  assert.deepEqual(ok(await service.rpc('thick_books', { min: 500 }, { get: true }).single()).title, 'War and Peace')
  assert.equal((await service.rpc('thick_books', { min: 250 }, { head: true, count: 'exact' })).count, 3)
  assert.deepEqual(ok(await service.rpc('joined', { parts: ['a', 'b,c'] })), 'a|b,c')
  assert.deepEqual(ok(await service.rpc('joined', { parts: ['a', 'b'] }, { get: true })), 'a|b')
  const nothing = await service.rpc('nothing')
  assert.deepEqual([nothing.error, nothing.data, nothing.status], [null, null, 204])
  refused(await service.rpc('add', { a: 1 }), 404, 'PGRST202')
  assert.equal(refused(await service.rpc('fails'), 400, 'P0001', /no/).hint, 'try again')
})

// Stark's own tables.
const pod = { pack_id: env('PUBLIC_PACK') }

test('a viewer, a node and anon insert no pods', async () => {
  for (const name of ['viewer', 'node']) {
    const who = await login(name)
    refused(await who.from('pods').insert(pod), 403, '42501', /row-level security|permission/)
    refused(await who.from('pods').insert(pod).select(), 403, '42501')
  }
  refused(await connect(env('PUBLISHABLE_KEY')).from('pods').insert(pod), 401, '42501')
  refused(await connect(env('PUBLISHABLE_KEY')).from('pods').select(), 401, '42501')
  const expired = connect(env('PUBLISHABLE_KEY'))
  expired.rest.headers.set('Authorization', `Bearer ${env('EXPIRED_TOKEN')}`)
  refused(await expired.from('pods').select(), 401, 'PGRST303', /JWT expired/)
})

test('a developer inserts pods, as nobody else and with nothing of the system', async () => {
  for (const key of [env('ANON_KEY'), env('PUBLISHABLE_KEY')]) {
    const dev = await login('dev', key)
    const made = ok(await dev.from('pods').insert({ ...pod, name: `by-${key.slice(0, 2).toLowerCase()}`, cpu: '0.5' }).select('*, packs(name)').single())
    assert.deepEqual([made.status, made.created_by, made.cpu, made.packs.name], ['pending', dev.id, '500m', 'shared'])
    refused(await dev.from('pods').insert({ ...pod, status: 'running' }), 403, '42501')
    refused(await dev.from('pods').insert({ ...pod, node_id: made.id }), 403, '42501')
    refused(await dev.from('pods').update({ status: 'running' }).eq('id', made.id), 403, '42501')
    assert.equal(refused(await dev.from('pods').insert({ ...pod, cpu: 'lots' }), 400, '22023', /cpu/).code, '22023')
    assert.equal(ok(await dev.from('pods').update({ desired_state: 'stopped' }).eq('id', made.id).select('desired_state').single()).desired_state, 'stopped')
    const history = ok(await dev.from('pod_history').select('*').eq('pod_id', made.id))
    assert.ok(history.length >= 1, 'written by trigger')
    refused(await dev.from('pod_history').insert({ pod_id: made.id, to_status: 'running' }), 403, '42501')
  }
})

test('private packs are their owner’s', async () => {
  const [dev, other, viewer, admin] = await Promise.all(['dev', 'other', 'viewer', 'admin'].map(name => login(name)))
  const secret = who => who.from('packs').select('name').eq('id', env('PRIVATE_PACK'))
  assert.deepEqual(ok(await secret(dev)), [{ name: 'secret' }])
  assert.deepEqual(ok(await secret(admin)), [{ name: 'secret' }])
  for (const who of [other, viewer]) {
    assert.deepEqual(ok(await secret(who)), [])
    assert.deepEqual(ok(await who.from('packs').update({ visibility: 'public' }).eq('id', env('PRIVATE_PACK')).select()), [])
    const seen = ok(await who.from('pods').select('id, packs(name)').eq('pack_id', env('PRIVATE_PACK')))
    for (const row of seen) assert.equal(row.packs, null, 'embedding sees no more than its reader')
  }
  assert.ok((await other.from('pods').insert({ pack_id: env('PRIVATE_PACK') })).error, 'and cannot be run by others')
})

test('roles are in a table, and take effect at the next statement', async () => {
  const [who, admin] = await Promise.all([login('changing'), login('admin')])
  refused(await who.from('pods').insert(pod), 403, '42501')
  refused(await who.from('users').update({ role: 'admin' }).eq('id', who.id), 403, '42501', /only an admin may change roles/)
  ok(await admin.from('users').update({ role: 'developer' }).eq('id', who.id).select().single())
  ok(await who.from('pods').insert(pod).select().single())
  ok(await admin.from('users').update({ role: 'viewer' }).eq('id', who.id).select().single())
  refused(await who.from('pods').insert(pod), 403, '42501')
})
