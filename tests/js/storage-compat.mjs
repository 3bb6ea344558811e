// What the official JavaScript client makes of the embedded stack's Storage. Driven by tests/integration/client_storage_test.go, which sets
// up buckets "docs" (private; everyone in a folder of their own), "pictures" (public; images up to 1,000 bytes) and the environment.
import assert from 'node:assert/strict'
import test from 'node:test'
import { createClient } from '@supabase/supabase-js'
import * as tus from 'tus-js-client'
import ws from 'ws'

const env = name => process.env[name] ?? assert.fail(`${name} is not set`)
const url = env('SUPABASE_URL')
const me = env('ALICE_ID')

const connect = (key, token) =>
  createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    realtime: { transport: ws }, // Node.js 20 has no WebSocket
    ...(token && { accessToken: async () => token }),
  })

const anon = connect(env('ANON_KEY'))
const alice = connect(env('ANON_KEY'), env('ALICE_TOKEN'))
const bob = connect(env('ANON_KEY'), env('BOB_TOKEN'))
const service = connect(env('SERVICE_ROLE_KEY'))

const denied = 'new row violates row-level security policy'

/** The data of an answer that must be a success. */
function ok({ data, error }) {
  assert.equal(error, null)
  return data
}

/** The error of an answer that must be a refusal, as far as it is given. */
function refused({ data, error }, want) {
  assert.equal(data, null)
  assert.ok(error, 'it should have been refused')
  for (const [name, value] of Object.entries(want)) assert.equal(error[name], value, `${name} of ${error.message}`)
}

const docs = client => client.storage.from('docs')
const text = async blob => await blob.text()

test('uploads that are refused', async () => {
  const rls = { message: denied, status: 400, statusCode: '403', code: 'AccessDenied' }
  refused(await docs(anon).upload(`${me}/no.txt`, 'no'), rls)
  refused(await docs(bob).upload(`${me}/no.txt`, 'no'), rls)
  refused(await docs(bob).upload(`${me}/no.txt`, new Blob(['no'])), rls)
  refused(await docs(bob).update(`${me}/no.txt`, 'no'), rls)
  refused(await docs(alice).upload('no.txt', 'no'), rls)
  refused(await docs(bob).upload(`${me}/big.bin`, Buffer.alloc(20 << 20)), rls) // answered long before all was sent
  refused(await docs(alice).upload(`${me}/ä.txt`, 'no'), { statusCode: '400', code: 'InvalidKey' })
  refused(await service.storage.from('nowhere').upload('a.txt', 'no'), { statusCode: '404', code: 'NoSuchBucket', message: 'Bucket not found' })
  const pictures = service.storage.from('pictures')
  refused(await pictures.upload('a.txt', 'no'), { statusCode: '415', code: 'InvalidMimeType' })
  refused(await pictures.upload('a.png', new Blob([new Uint8Array(1001)], { type: 'image/png' })), { statusCode: '413', code: 'EntityTooLarge' })
  refused(await pictures.upload('a.png', Buffer.alloc(1001), { contentType: 'image/png' }), { statusCode: '413', code: 'EntityTooLarge' })
  assert.deepEqual(ok(await docs(service).list()), [])
  assert.deepEqual(ok(await pictures.list()), [])
})

test('uploads of every kind, and downloads', async () => {
  const form = new FormData()
  form.append('', new File(['form'], 'form.txt', { type: 'text/plain' }))
  const bytes = new TextEncoder()
  const bodies = {
    string: 'string',
    buffer: Buffer.from('buffer'),
    'array buffer': bytes.encode('array buffer').buffer,
    view: bytes.encode('view'),
    blob: new Blob(['blob'], { type: 'text/plain' }),
    file: new File(['file'], 'file.txt', { type: 'text/plain' }),
    form,
    stream: new Blob(['stream']).stream(),
  }
  for (const [name, body] of Object.entries(bodies)) {
    const key = `${me}/kinds/${name}`
    const made = ok(await docs(alice).upload(key, body))
    assert.equal(made.path, key)
    assert.equal(made.fullPath, `docs/${key}`)
    assert.match(made.id, /^[0-9a-f-]{36}$/)
    assert.equal(await text(ok(await docs(alice).download(key))), name)
  }
  const stream = ok(await docs(alice).download(`${me}/kinds/buffer`).asStream())
  assert.equal(await new Response(stream).text(), 'buffer')
  refused(await docs(alice).upload(`${me}/kinds/string`, 'again'), { statusCode: '409', code: 'KeyAlreadyExists', message: 'The resource already exists' })
  for (const who of [anon, bob]) {
    refused(await docs(who).download(`${me}/kinds/string`), { statusCode: '404', code: 'NoSuchKey', message: 'Object not found' })
  }
})

test('overwriting keeps the id', async () => {
  const key = `${me}/over.txt`
  const first = ok(await docs(alice).upload(key, 'first'))
  assert.equal(ok(await docs(alice).upload(key, 'second', { upsert: true })).id, first.id)
  assert.equal(await text(ok(await docs(alice).download(key))), 'second')
  assert.equal(ok(await docs(alice).update(key, 'third')).id, first.id)
  assert.equal(await text(ok(await docs(alice).download(key))), 'third')
})

test('info and exists', async () => {
  const key = `${me}/info.svg`
  const options = { cacheControl: '60', contentType: 'image/svg+xml', metadata: { shape: 'round', sides: 0 } }
  for (const body of ['<svg/>', new Blob(['<svg/>'], { type: 'image/svg+xml' })]) {
    ok(await docs(alice).upload(key, body, { ...options, upsert: true }))
    const info = ok(await docs(alice).info(key))
    assert.equal(info.name, key)
    assert.equal(info.bucketId, 'docs')
    assert.equal(info.size, 6)
    assert.equal(info.contentType, 'image/svg+xml')
    assert.equal(info.cacheControl, 'max-age=60')
    assert.deepEqual(info.metadata, options.metadata)
    assert.ok(Date.now() - Date.parse(info.lastModified) < 60_000)
  }
  refused(await docs(bob).info(key), { statusCode: '404', code: 'NoSuchKey' })
  assert.equal((await docs(alice).exists(key)).data, true)
  assert.equal((await docs(alice).exists(`${me}/none`)).data, false)
  assert.equal((await docs(bob).exists(key)).data, false)
})

test('signed URLs', async () => {
  const key = `${me}/signed (1) & more.txt`
  ok(await docs(alice).upload(key, 'signed'))
  refused(await docs(bob).createSignedUrl(key, 60), { statusCode: '404', code: 'NoSuchKey' })
  refused(await docs(alice).createSignedUrl(key, 0), { statusCode: '400', code: 'InvalidRequest' })
  const { signedUrl } = ok(await docs(alice).createSignedUrl(key, 60))
  let answer = await fetch(signedUrl) // without any key
  assert.equal(answer.status, 200)
  assert.equal(await answer.text(), 'signed')
  answer = await fetch(ok(await docs(alice).createSignedUrl(key, 60, { download: 'my file.txt' })).signedUrl)
  assert.match(answer.headers.get('content-disposition'), /^attachment; filename=my%20file\.txt/)
  answer = await fetch(ok(await docs(alice).createSignedUrl(key, 60, { download: true })).signedUrl)
  assert.match(answer.headers.get('content-disposition'), /^attachment/)
  answer = await fetch(signedUrl.slice(0, -2))
  assert.equal(answer.status, 400)
  assert.equal((await answer.json()).error, 'InvalidJWT')
  answer = await fetch(signedUrl.replace('signed', 'other'))
  assert.equal((await answer.json()).error, 'InvalidSignature')
})

test('list', async () => {
  for (const name of ['b.txt', 'a.txt', 'deep/c.txt']) ok(await docs(alice).upload(`${me}/list/${name}`, name))
  const names = async options => ok(await docs(alice).list(`${me}/list`, options)).map(entry => entry.name)
  assert.deepEqual(await names(), ['a.txt', 'b.txt', 'deep'])
  assert.deepEqual(await names({ sortBy: { column: 'name', order: 'desc' } }), ['deep', 'b.txt', 'a.txt'])
  assert.deepEqual(await names({ limit: 1, offset: 1 }), ['b.txt'])
  assert.deepEqual(await names({ search: 'b' }), ['b.txt'])
  const [object, , folder] = ok(await docs(alice).list(`${me}/list`))
  assert.equal(object.metadata.size, 5)
  assert.match(object.metadata.mimetype, /^text\/plain/)
  assert.equal(folder.id, null)
  assert.equal(folder.metadata, null)
  assert.deepEqual(ok(await docs(bob).list(`${me}/list`)), [])
})

test('a public bucket', async () => {
  const pictures = service.storage.from('pictures')
  ok(await pictures.upload('dot one.png', Buffer.from('png'), { contentType: 'image/png' }))
  refused(await anon.storage.from('pictures').upload('dot two.png', Buffer.from('png'), { contentType: 'image/png' }), { message: denied })
  const answer = await fetch(anon.storage.from('pictures').getPublicUrl('dot one.png').data.publicUrl)
  assert.equal(answer.headers.get('content-type'), 'image/png')
  assert.equal(await answer.text(), 'png')
  assert.equal((await fetch(anon.storage.from('docs').getPublicUrl(`${me}/over.txt`).data.publicUrl)).status, 400)
})

test('remove', async () => {
  const key = `${me}/gone.txt`
  ok(await docs(alice).upload(key, 'x'))
  assert.deepEqual(ok(await docs(bob).remove([key])), [])
  const gone = ok(await docs(alice).remove([key, `${me}/never.txt`]))
  assert.deepEqual(gone.map(object => object.name), [key])
  refused(await docs(alice).download(key), { statusCode: '404' })
})

test('bucket administration', async () => {
  const { storage } = service
  for (const who of [anon, alice]) {
    refused(await who.storage.createBucket('mine'), { message: denied, statusCode: '403' })
    refused(await who.storage.getBucket('docs'), { code: 'NoSuchBucket' })
    refused(await who.storage.deleteBucket('docs'), { code: 'NoSuchBucket' })
    assert.deepEqual(ok(await who.storage.listBuckets()), [])
  }
  assert.equal(ok(await storage.createBucket('made', { public: true, fileSizeLimit: '1MB', allowedMimeTypes: ['image/*'] })).name, 'made')
  refused(await storage.createBucket('made'), { statusCode: '409', code: 'BucketAlreadyExists' })
  refused(await storage.createBucket('huge', { fileSizeLimit: '999GB' }), { statusCode: '413' })
  let bucket = ok(await storage.getBucket('made'))
  assert.equal(bucket.public, true)
  assert.equal(bucket.file_size_limit, 1_000_000)
  assert.deepEqual(bucket.allowed_mime_types, ['image/*'])
  ok(await storage.updateBucket('made', { public: false, fileSizeLimit: null, allowedMimeTypes: null }))
  bucket = ok(await storage.getBucket('made'))
  assert.equal(bucket.public, false)
  assert.equal(bucket.file_size_limit, null)
  const found = ok(await storage.listBuckets({ search: 'mad', limit: 5, offset: 0, sortColumn: 'name', sortOrder: 'asc' }))
  assert.deepEqual(found.map(({ id }) => id), ['made'])
  ok(await storage.from('made').upload('a', 'x'))
  refused(await storage.deleteBucket('made'), { statusCode: '409', message: 'The bucket you tried to delete is not empty' })
  ok(await storage.emptyBucket('made'))
  ok(await storage.deleteBucket('made'))
  refused(await storage.getBucket('made'), { statusCode: '404' })
})

test('the keys of the new kind', async () => {
  const secret = connect(env('SECRET_KEY'))
  const publishable = connect(env('PUBLISHABLE_KEY'))
  assert.ok(ok(await secret.storage.listBuckets()).length > 0)
  assert.deepEqual(ok(await publishable.storage.listBuckets()), [])
  const aliceToo = connect(env('PUBLISHABLE_KEY'), env('ALICE_TOKEN'))
  ok(await docs(aliceToo).upload(`${me}/publishable.txt`, 'x'))
  refused(await connect('sb_secret_wrong').storage.listBuckets(), { status: 401, message: 'Invalid API key' })
  refused(await connect(env('ANON_KEY'), 'not.a.token').storage.listBuckets(), { statusCode: '403', code: 'AccessDenied' })
})

test('many signed URLs at once', async () => {
  const key = `${me}/many (1).txt`
  ok(await docs(alice).upload(key, 'many'))
  const [there, none] = ok(await docs(alice).createSignedUrls([key, `${me}/none`], 60, { download: 'it.txt' }))
  assert.equal(there.error, null)
  const answer = await fetch(there.signedUrl)
  assert.match(answer.headers.get('content-disposition'), /^attachment; filename=it\.txt/)
  assert.equal(await answer.text(), 'many')
  assert.equal(none.signedUrl, null)
  for (const { error, signedUrl } of ok(await docs(bob).createSignedUrls([key], 60))) {
    assert.equal(signedUrl, null)
    assert.equal(error, 'Either the object does not exist or you do not have access to it')
  }
})

test('signed uploads', async () => {
  const key = `${me}/signed upload.txt`
  refused(await docs(bob).createSignedUploadUrl(key), { statusCode: '403', code: 'AccessDenied', message: denied })
  const { path, token, signedUrl } = ok(await docs(alice).createSignedUploadUrl(key))
  assert.equal(path, key)
  refused(await docs(anon).uploadToSignedUrl(`${me}/other.txt`, token, 'x'), { statusCode: '400', code: 'InvalidSignature' })
  refused(await docs(anon).uploadToSignedUrl(key, `${token}x`, 'x'), { statusCode: '400', code: 'InvalidJWT' })
  const options = { contentType: 'text/plain', cacheControl: '60', metadata: { shape: 'round' } }
  assert.equal(ok(await docs(anon).uploadToSignedUrl(key, token, new Blob(['signed']), options)).fullPath, `docs/${key}`)
  assert.equal(await text(ok(await docs(alice).download(key))), 'signed')
  assert.equal(ok(await docs(alice).info(key)).cacheControl, 'max-age=60')
  refused(await docs(anon).uploadToSignedUrl(key, token, 'again'), { statusCode: '409', code: 'KeyAlreadyExists' })
  refused(await docs(alice).createSignedUploadUrl(key), { statusCode: '409' })
  const over = ok(await docs(alice).createSignedUploadUrl(key, { upsert: true }))
  assert.equal((await fetch(over.signedUrl, { method: 'PUT', body: 'over' })).status, 200) // without any key
  assert.equal(await text(ok(await docs(alice).download(key))), 'over')
  assert.ok(signedUrl.includes('/object/upload/sign/'))
})

test('move and copy', async () => {
  const [one, two, three] = ['one', 'two', 'three'].map(name => `${me}/transfer/${name}.txt`)
  ok(await docs(alice).upload(one, 'transfer', { metadata: { shape: 'round' } }))
  for (const who of [anon, bob]) {
    refused(await docs(who).move(one, two), { statusCode: '404', code: 'NoSuchKey' })
    refused(await docs(who).copy(one, two), { statusCode: '404', code: 'NoSuchKey' })
  }
  refused(await docs(alice).move(one, 'elsewhere.txt'), { statusCode: '403', message: denied })
  refused(await docs(alice).copy(one, 'elsewhere.txt'), { statusCode: '403', message: denied })
  assert.equal(ok(await docs(alice).copy(one, two)).path, `docs/${two}`)
  assert.deepEqual(ok(await docs(alice).info(two)).metadata, { shape: 'round' })
  refused(await docs(alice).copy(one, two), { statusCode: '409' })
  refused(await docs(alice).move(one, two), { statusCode: '409' })
  assert.equal(ok(await docs(alice).move(one, three)).message, 'Successfully moved')
  refused(await docs(alice).download(one), { statusCode: '404' })
  for (const key of [two, three]) assert.equal(await text(ok(await docs(alice).download(key))), 'transfer')
  refused(await docs(service).move(three, 'a.txt', { destinationBucket: 'pictures' }), { statusCode: '415', code: 'InvalidMimeType' })
  ok(await docs(alice).upload(`${me}/a.png`, 'png', { contentType: 'image/png' }))
  assert.equal(ok(await docs(service).copy(`${me}/a.png`, 'b.png', { destinationBucket: 'pictures' })).path, 'pictures/b.png')
  ok(await docs(service).move(`${me}/a.png`, 'c.png', { destinationBucket: 'pictures' }))
  for (const key of ['b.png', 'c.png']) assert.equal(await text(ok(await anon.storage.from('pictures').download(key))), 'png')
})

test('list v2', async () => {
  for (const name of ['b', 'a', 'deep/c']) ok(await docs(alice).upload(`${me}/v2/${name}`, name))
  const prefix = `${me}/v2/`
  const names = []
  for (let cursor, page; !page || page.hasNext; cursor = page.nextCursor) {
    page = ok(await docs(alice).listV2({ prefix, limit: 1, cursor }))
    names.push(...page.objects.map(object => object.name.slice(prefix.length)))
  }
  assert.deepEqual(names, ['a', 'b', 'deep/c'])
  const { objects, folders, hasNext } = ok(await docs(alice).listV2({ prefix, with_delimiter: true, sortBy: { column: 'name', order: 'desc' } }))
  assert.equal(hasNext, false)
  assert.deepEqual(objects.map(object => object.name), [`${prefix}b`, `${prefix}a`])
  assert.deepEqual(folders.map(folder => folder.name), [`${prefix}deep/`])
  assert.equal(objects[0].metadata.size, 1)
  assert.deepEqual(ok(await docs(bob).listV2({ prefix })), { hasNext: false, folders: [], objects: [] })
})

/** An upload in parts of 256 bytes, as Supabase documents it for tus-js-client. */
const resumable = (token, file, metadata, options = {}) =>
  new Promise((resolve, reject) => {
    const upload = new tus.Upload(file, {
      endpoint: `${url}/storage/v1/upload/resumable`,
      headers: { authorization: `Bearer ${token}`, 'x-upsert': 'false' },
      uploadDataDuringCreation: true,
      retryDelays: null,
      chunkSize: 256,
      metadata,
      onSuccess: () => resolve(upload),
      onError: reject,
      ...options,
    })
    upload.start()
  })

test('resumable uploads', async () => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256))
  const metadata = { bucketName: 'docs', objectName: `${me}/tus.bin`, contentType: 'text/plain', cacheControl: '60', metadata: '{"shape":"round"}' }
  const fails = status => error => error.originalResponse.getStatus() === status
  await assert.rejects(resumable(env('BOB_TOKEN'), bytes, metadata), fails(403))
  await assert.rejects(resumable(env('ANON_KEY'), bytes, metadata), fails(403))
  await assert.rejects(resumable('nonsense', bytes, metadata), fails(400))
  await assert.rejects(resumable(env('SERVICE_ROLE_KEY'), bytes, { ...metadata, bucketName: 'pictures' }), fails(415))
  await assert.rejects(resumable(env('SERVICE_ROLE_KEY'), Buffer.alloc(1001), { bucketName: 'pictures', objectName: 'a', contentType: 'image/png' }), fails(413))

  const whole = await resumable(env('ALICE_TOKEN'), bytes, metadata)
  assert.ok(whole.url.startsWith(`${url}/storage/v1/upload/resumable/`))
  const got = ok(await docs(alice).download(metadata.objectName))
  assert.ok(bytes.equals(Buffer.from(await got.arrayBuffer())))
  const info = ok(await docs(alice).info(metadata.objectName))
  assert.equal(info.cacheControl, 'max-age=60')
  assert.deepEqual(info.metadata, { shape: 'round' })
  await assert.rejects(resumable(env('ALICE_TOKEN'), bytes, metadata), fails(409))

  // Broken off after two parts, and gone on with by its address.
  const parts = []
  const halfway = await new Promise((resolve, reject) => {
    const upload = new tus.Upload(bytes, {
      endpoint: `${url}/storage/v1/upload/resumable`,
      headers: { authorization: `Bearer ${env('ALICE_TOKEN')}` },
      chunkSize: 256,
      metadata: { ...metadata, objectName: `${me}/tus2.bin` },
      onChunkComplete: (_, accepted) => {
        parts.push(accepted)
        if (parts.length === 2) upload.abort().then(() => resolve(upload.url), reject)
      },
      onError: reject,
    })
    upload.start()
  })
  refused(await docs(alice).download(`${me}/tus2.bin`), { statusCode: '404' })
  await resumable(env('ALICE_TOKEN'), bytes, {}, { uploadUrl: halfway, onChunkComplete: (_, accepted) => parts.push(accepted) })
  assert.equal(parts.at(-1), 1000)
  assert.ok(bytes.equals(Buffer.from(await ok(await docs(alice).download(`${me}/tus2.bin`)).arrayBuffer())))

  // Signed: without any login.
  const { token } = ok(await docs(alice).createSignedUploadUrl(`${me}/tus3.bin`))
  const signed = { endpoint: `${url}/storage/v1/upload/resumable/sign`, headers: { 'x-signature': token } }
  await assert.rejects(resumable('', bytes, { ...metadata, objectName: `${me}/tus4.bin` }, signed), fails(400))
  await resumable('', bytes, { ...metadata, objectName: `${me}/tus3.bin` }, signed)
  assert.equal(ok(await docs(alice).info(`${me}/tus3.bin`)).size, 1000)
})

test('ranges and conditions', async () => {
  const key = `${me}/range.txt`
  ok(await docs(alice).upload(key, '0123456789'))
  const { signedUrl } = ok(await docs(alice).createSignedUrl(key, 60))
  const authorization = `Bearer ${env('ALICE_TOKEN')}`
  for (const [at, own] of [[signedUrl, {}], [`${url}/storage/v1/object/authenticated/docs/${key}`, { authorization }]]) {
    const get = headers => fetch(at, { headers: { ...own, ...headers } })
    const whole = await get({})
    assert.equal(await whole.text(), '0123456789')
    const part = await get({ range: 'bytes=2-4' })
    assert.equal(part.status, 206)
    assert.equal(await part.text(), '234')
    assert.equal((await get({ range: 'bytes=10-' })).status, 416)
    assert.equal((await get({ 'if-none-match': whole.headers.get('etag') })).status, 304)
    assert.equal((await get({ 'if-modified-since': whole.headers.get('last-modified') })).status, 304)
  }
})

test('what is not built says so', async () => {
  const notBuilt = { status: 501, statusCode: '501', code: 'NotSupported' }
  const transform = { width: 10 }
  refused(await docs(alice).download(`${me}/over.txt`, { transform }), notBuilt)
  refused(await docs(alice).createSignedUrl(`${me}/over.txt`, 60, { transform }), notBuilt)
  const { publicUrl } = anon.storage.from('pictures').getPublicUrl('b.png', { transform }).data
  assert.equal((await fetch(publicUrl)).status, 501)
})
