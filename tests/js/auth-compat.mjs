// What the official JavaScript client makes of the whole embedded stack: Auth, and Storage with a real login and Stark's own policies.
// Driven by tests/integration/client_auth_test.go, which starts the stack and sets the environment. LATER_URL makes a minute go by for
// all refresh tokens and mails; ROLE_URL?id=…&role=… gives a user a role in public.users; MAIL_URL?to=… is the latest mail of the log.
import assert from 'node:assert/strict'
import test from 'node:test'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const env = name => process.env[name] ?? assert.fail(`${name} is not set`)
const url = env('SUPABASE_URL')
const password = 'correct horse'
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A client of its own, with the paths that it asked for. */
function connect(key = env('ANON_KEY'), options = {}) {
  const asked = []
  const client = createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false, ...options },
    realtime: { transport: ws }, // Node.js 20 has no WebSocket
    global: {
      fetch: (input, init) => {
        asked.push(new URL(input).pathname)
        return fetch(input, init)
      },
    },
  })
  return Object.assign(client, { asked })
}

const admin = connect(env('SERVICE_ROLE_KEY')).auth.admin

let count = 0
const address = () => `user-${++count}@example.com`

/** The data of an answer that must be a success. */
function ok({ data, error }) {
  assert.equal(error, null)
  return data
}

/** The error of an answer that must be a refusal, as far as it is given. */
function refused({ error }, want) {
  assert.ok(error, 'it should have been refused')
  for (const [name, value] of Object.entries(want)) assert.deepEqual(error[name], value, `${name} of ${error.message}`)
}

/** A new account, logged in. */
async function signedUp() {
  const client = connect()
  const email = address()
  const { session, user } = ok(await client.auth.signUp({ email, password }))
  return { client, email, session, user }
}

async function loggedIn(email, secret = password) {
  const client = connect()
  const { session } = ok(await client.auth.signInWithPassword({ email, password: secret }))
  return { client, session }
}

const refresh = (client, session) => client.auth.refreshSession({ refresh_token: session.refresh_token })

async function later() {
  assert.equal((await fetch(env('LATER_URL'), { method: 'POST' })).status, 200)
}

/** The latest mail to an address, as the log has it. */
async function mail(to) {
  const answer = await fetch(`${env('MAIL_URL')}?to=${encodeURIComponent(to)}`, { method: 'POST' })
  assert.equal(answer.status, 200, `mail to ${to}`)
  return await answer.json()
}

/** Where a mail's link leads to. */
async function follow({ link }) {
  const answer = await fetch(link, { redirect: 'manual' }) // without any key, as a browser does
  assert.equal(answer.status, 303)
  const target = new URL(answer.headers.get('location'))
  return { target, query: target.searchParams, fragment: new URLSearchParams(target.hash.slice(1)) }
}

test('signup gives a session at once', async () => {
  const email = address()
  const data = ok(await connect().auth.signUp({ email: ` ${email.toUpperCase()}`.trim(), password, options: { data: { name: 'Ada' } } }))
  const { session, user } = data
  assert.equal(session.token_type, 'bearer')
  assert.equal(session.expires_in, 3600)
  assert.ok(Math.abs(session.expires_at - Date.now() / 1000 - 3600) < 60)
  assert.match(session.refresh_token, /^[a-z0-9_-]{12,}$/i)
  assert.deepEqual(session.user, user)
  assert.match(user.id, uuid)
  assert.equal(user.email, email)
  assert.equal(user.aud, 'authenticated')
  assert.equal(user.role, 'authenticated')
  assert.equal(user.is_anonymous, false)
  assert.deepEqual(user.app_metadata, { provider: 'email', providers: ['email'] })
  assert.deepEqual(user.user_metadata, { name: 'Ada', email, email_verified: true, phone_verified: false, sub: user.id })
  for (const name of ['created_at', 'updated_at', 'email_confirmed_at', 'confirmed_at', 'last_sign_in_at']) {
    assert.ok(Date.now() - Date.parse(user[name]) < 60_000, name)
  }
  assert.equal(user.identities.length, 1)
  const [identity] = user.identities
  assert.match(identity.identity_id, uuid)
  assert.equal(identity.id, user.id)
  assert.equal(identity.user_id, user.id)
  assert.equal(identity.provider, 'email')
  assert.equal(identity.identity_data.email, email)
})

test('signups that are refused', async () => {
  const { email } = await signedUp()
  const { auth } = connect()
  refused(await auth.signUp({ email, password }), { status: 422, code: 'user_already_exists', message: 'User already registered' })
  refused(await auth.signUp({ email: address(), password: '12345' }), {
    name: 'AuthWeakPasswordError', status: 422, code: 'weak_password', reasons: ['length'], message: 'Password should be at least 6 characters.',
  })
  refused(await auth.signUp({ email: 'nobody', password }), { status: 400, code: 'validation_failed' })
  refused(await auth.signInAnonymously(), { status: 422, code: 'anonymous_provider_disabled' })
})

test('login, and who is logged in', async () => {
  const { email, user } = await signedUp()
  const { client, session } = await loggedIn(email)
  assert.equal(session.user.id, user.id)
  assert.equal(ok(await client.auth.getUser()).user.id, user.id)
  assert.equal(ok(await connect().auth.getUser(session.access_token)).user.email, email)
  assert.equal(ok(await client.auth.getUserIdentities()).identities.length, 1)

  const wrong = { name: 'AuthApiError', status: 400, code: 'invalid_credentials', message: 'Invalid login credentials' }
  refused(await connect().auth.signInWithPassword({ email, password: 'wrong horse' }), wrong)
  refused(await connect().auth.signInWithPassword({ email: address(), password }), wrong)
  refused(await client.auth.getUser(`${session.access_token}x`), { status: 403, code: 'bad_jwt' })
  const [header, body] = session.access_token.split('.')
  refused(await client.auth.getUser(`${header}.${body}.`), { status: 403, code: 'bad_jwt' })
})

test('claims are verified with the published key, without asking Auth', async () => {
  const { email, user } = await signedUp()
  const { client, session } = await loggedIn(email)
  client.asked.length = 0
  const { claims, header } = ok(await client.auth.getClaims())
  assert.deepEqual(client.asked, ['/auth/v1/.well-known/jwks.json'])
  assert.equal(header.alg, 'ES256')
  assert.equal(claims.iss, `${url}/auth/v1`)
  assert.equal(claims.sub, user.id)
  assert.equal(claims.aud, 'authenticated')
  assert.equal(claims.role, 'authenticated')
  assert.equal(claims.email, email)
  assert.equal(claims.aal, 'aal1')
  assert.equal(claims.is_anonymous, false)
  assert.match(claims.session_id, uuid)
  assert.equal(claims.exp - claims.iat, 3600)
  assert.ok(claims.stark_role) // from the custom access token hook that config.toml names
  assert.equal(claims.amr[0].method, 'password')
  assert.deepEqual(claims.app_metadata, user.app_metadata)
  const [head, body, signature] = session.access_token.split('.')
  const forged = Buffer.from(JSON.stringify({ ...claims, role: 'service_role' })).toString('base64url')
  refused(await client.auth.getClaims(`${head}.${forged}.${signature}`), { name: 'AuthInvalidJwtError', message: 'Invalid JWT signature' })
  const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  refused(await client.auth.getClaims(`${unsigned}.${body}.`), {})
})

test('refresh tokens rotate, and a stolen one ends the family', async () => {
  const { client, session: first, user } = await signedUp()
  const second = ok(await refresh(client, first)).session
  assert.notEqual(second.refresh_token, first.refresh_token)
  assert.equal(second.user.id, user.id)
  assert.equal(ok(await client.auth.getUser(second.access_token)).user.id, user.id)
  // A client that lost the answer asks again and gets the same successor.
  assert.equal(ok(await refresh(client, first)).session.refresh_token, second.refresh_token)
  const third = ok(await refresh(client, second)).session
  await later()
  refused(await refresh(client, first), { status: 400, code: 'refresh_token_already_used', message: 'Invalid Refresh Token: Already Used' })
  refused(await refresh(client, third), { status: 400, code: 'refresh_token_already_used' })
  refused(await refresh(client, { refresh_token: 'nonsense12345' }), { status: 400, code: 'refresh_token_not_found' })
})

test('users change themselves', async () => {
  const { client, email, user } = await signedUp()
  const elsewhere = (await loggedIn(email)).session
  let changed = ok(await client.auth.updateUser({ data: { name: 'Ada', theme: 'dark' } })).user
  assert.equal(changed.user_metadata.name, 'Ada')
  changed = ok(await client.auth.updateUser({ data: { theme: null } })).user
  assert.equal(changed.user_metadata.name, 'Ada')
  assert.ok(!('theme' in changed.user_metadata))
  const moved = address()
  changed = ok(await client.auth.updateUser({ email: moved })).user
  assert.equal(changed.email, email)
  assert.equal(changed.new_email, moved)
  assert.equal(ok(await connect().auth.verifyOtp({ type: 'email_change', email: moved, token: (await mail(moved)).otp })).user.email, moved)
  refused(await client.auth.updateUser({ password }), { status: 422, code: 'same_password' })
  refused(await client.auth.updateUser({ password: '1' }), { status: 422, code: 'weak_password' })
  ok(await client.auth.updateUser({ password: 'battery staple' }))
  refused(await refresh(connect(), elsewhere), { code: 'refresh_token_not_found' }) // a new password ends other sessions
  refused(await connect().auth.signInWithPassword({ email: moved, password }), { code: 'invalid_credentials' })
  assert.equal((await loggedIn(moved, 'battery staple')).session.user.id, user.id)
  const other = await signedUp()
  refused(await client.auth.updateUser({ email: other.email }), { status: 422, code: 'email_exists' })
})

test('logging out ends what its scope says', async () => {
  const { email } = await signedUp()
  const gone = { code: 'refresh_token_not_found' }
  const [a, b] = [await loggedIn(email), await loggedIn(email)]
  ok({ data: 1, ...(await a.client.auth.signOut({ scope: 'local' })) })
  refused(await refresh(connect(), a.session), gone)
  refused(await connect().auth.getUser(a.session.access_token), { name: 'AuthSessionMissingError' }) // what it makes of session_not_found
  ok(await refresh(b.client, b.session))

  const [c, d] = [await loggedIn(email), await loggedIn(email)]
  ok({ data: 1, ...(await c.client.auth.signOut({ scope: 'others' })) })
  refused(await refresh(connect(), d.session), gone)
  ok(await refresh(c.client, c.session))

  const [e, f] = [await loggedIn(email), await loggedIn(email)]
  ok({ data: 1, ...(await e.client.auth.signOut()) }) // global
  for (const { session } of [e, f]) refused(await refresh(connect(), session), gone)
})

test('the admin manages users', async () => {
  const email = address()
  const made = ok(await admin.createUser({ email, password, email_confirm: true, user_metadata: { name: 'Bo' }, app_metadata: { plan: 'free' } })).user
  assert.match(made.id, uuid)
  assert.ok(made.email_confirmed_at)
  assert.equal(made.user_metadata.name, 'Bo')
  assert.deepEqual(made.app_metadata, { provider: 'email', providers: ['email'], plan: 'free' })
  refused(await admin.createUser({ email, password }), { status: 422, code: 'email_exists' })
  assert.equal(ok(await admin.getUserById(made.id)).user.email, email)
  refused(await admin.getUserById('00000000-0000-4000-8000-000000000000'), { status: 404, code: 'user_not_found' })

  const all = ok(await admin.listUsers())
  assert.ok(all.users.some(user => user.id === made.id))
  const pages = []
  for (let page = 1; page; ) {
    const got = ok(await admin.listUsers({ page, perPage: 2 }))
    assert.equal(got.total, all.users.length)
    pages.push(...got.users.map(user => user.id))
    page = got.nextPage
  }
  assert.deepEqual(pages.sort(), all.users.map(user => user.id).sort())

  const { client, session } = await loggedIn(email)
  let changed = ok(await admin.updateUserById(made.id, { app_metadata: { plan: null, team: 'a' }, user_metadata: { age: 7 } })).user
  assert.deepEqual(changed.app_metadata, { provider: 'email', providers: ['email'], team: 'a' })
  assert.equal(changed.user_metadata.age, 7)
  changed = ok(await admin.updateUserById(made.id, { password: 'battery staple', ban_duration: '1h' })).user
  assert.ok(Date.parse(changed.banned_until) > Date.now())
  refused(await connect().auth.signInWithPassword({ email, password: 'battery staple' }), { status: 400, code: 'user_banned' })
  ok(await admin.updateUserById(made.id, { ban_duration: 'none' }))
  await loggedIn(email, 'battery staple')
  refused(await refresh(client, session), { code: 'refresh_token_not_found' }) // the admin's new password ended it

  const deleted = await loggedIn(email, 'battery staple')
  ok(await admin.deleteUser(made.id))
  refused(await admin.getUserById(made.id), { status: 404, code: 'user_not_found' })
  refused(await deleted.client.auth.getUser(), { status: 403, code: 'user_not_found' })
  refused(await admin.deleteUser(made.id), { status: 404, code: 'user_not_found' })

  refused(await connect().auth.admin.listUsers(), { status: 403, code: 'not_admin' })
  const user = await signedUp()
  ok({ data: 1, ...(await admin.signOut(user.session.access_token, 'global')) })
  refused(await refresh(connect(), user.session), { code: 'refresh_token_not_found' })
})

test('keys of the newer kind do the same', async () => {
  const { auth } = connect(env('PUBLISHABLE_KEY'))
  const email = address()
  const { user } = ok(await auth.signUp({ email, password }))
  assert.equal(ok(await auth.getUser()).user.id, user.id)
  refused(await connect(env('PUBLISHABLE_KEY')).auth.admin.listUsers(), { status: 403, code: 'not_admin' })
  const secret = connect(env('SECRET_KEY'))
  assert.equal(ok(await secret.auth.admin.getUserById(user.id)).user.email, email)
  assert.ok(ok(await secret.storage.listBuckets()).some(bucket => bucket.id === 'packs' && !bucket.public))
  refused(await connect('sb_publishable_wrong').auth.signInWithPassword({ email, password }), { status: 401, message: 'Invalid API key' })
})

test('the bucket for packs has the policies of Stark', async () => {
  const denied = { statusCode: '403', code: 'AccessDenied', message: 'new row violates row-level security policy' }
  const missing = { statusCode: '404', code: 'NoSuchKey', message: 'Object not found' }
  const [ada, bob, viewer] = [await signedUp(), await signedUp(), await signedUp()]
  for (const { user } of [ada, bob]) {
    assert.equal((await fetch(`${env('ROLE_URL')}?id=${user.id}&role=developer`, { method: 'POST' })).status, 200)
  }
  const packs = who => who.client.storage.from('packs')
  const path = `${ada.user.id}/hello/1.0.0/bundle.js`
  const code = new Blob(['export default 1\n'], { type: 'text/javascript' })
  assert.equal(ok(await packs(ada).upload(path, code)).fullPath, `packs/${path}`)
  assert.equal(await ok(await packs(ada).download(path)).text(), 'export default 1\n')

  refused(await packs(bob).upload(`${ada.user.id}/hello/2.0.0/bundle.js`, code), denied) // somebody else's folder
  refused(await packs(bob).download(path), missing)
  refused(await packs(bob).createSignedUrl(path, 60), missing)
  assert.deepEqual(ok(await packs(bob).list(`${ada.user.id}/hello`)), [])
  assert.deepEqual(ok(await packs(bob).remove([path])), [])
  refused(await packs(viewer).upload(`${viewer.user.id}/hello/1.0.0/bundle.js`, code), denied) // no developer
  refused(await connect().storage.from('packs').upload(`${ada.user.id}/x.js`, code), denied)

  refused(await packs(ada).upload(path, code), { statusCode: '409', code: 'KeyAlreadyExists' }) // nothing is overwritten
  refused(await packs(ada).upload(path, code, { upsert: true }), denied)
  refused(await packs(ada).update(path, code), {})
  refused(await packs(ada).upload(`${ada.user.id}/page.html`, new Blob(['<p>'], { type: 'text/html' })), { statusCode: '415', code: 'InvalidMimeType' })
  assert.equal(await ok(await packs(ada).download(path)).text(), 'export default 1\n')
  const { signedUrl } = ok(await packs(ada).createSignedUrl(path, 60))
  assert.equal(await (await fetch(signedUrl)).text(), 'export default 1\n') // as an agent fetches it
  assert.equal(ok(await packs(ada).remove([path])).length, 1)
})

test('magic links and codes', async () => {
  const email = address()
  refused(await connect().auth.signInWithOtp({ email, options: { shouldCreateUser: false } }), { status: 422, code: 'otp_disabled' })
  const client = connect()
  ok(await client.auth.signInWithOtp({ email, options: { data: { name: 'Ada' }, emailRedirectTo: `${url}/welcome` } }))
  const first = await mail(email)
  assert.equal(first.kind, 'magiclink')
  refused(await client.auth.signInWithOtp({ email }), { status: 429, code: 'over_email_send_rate_limit' })
  const { target, fragment } = await follow(first)
  assert.equal(target.href.split('#')[0], `${url}/welcome`)
  ok(await client.auth.setSession({ access_token: fragment.get('access_token'), refresh_token: fragment.get('refresh_token') }))
  assert.equal(ok(await client.auth.getUser()).user.user_metadata.name, 'Ada')
  assert.equal((await follow(first)).fragment.get('error_code'), 'otp_expired')

  await later()
  ok(await connect().auth.signInWithOtp({ email }))
  const { otp } = await mail(email)
  const wrong = String((Number(otp) + 1) % 1_000_000).padStart(6, '0')
  refused(await connect().auth.verifyOtp({ email, token: wrong, type: 'email' }), { status: 403, code: 'otp_expired', message: 'Token has expired or is invalid' })
  const { session, user } = ok(await connect().auth.verifyOtp({ email, token: otp, type: 'email' }))
  assert.equal(user.email, email)
  assert.equal(ok(await connect().auth.getClaims(session.access_token)).claims.amr[0].method, 'otp')
  refused(await connect().auth.verifyOtp({ email, token: otp, type: 'email' }), { status: 403, code: 'otp_expired' })
})

test('a forgotten password', async () => {
  const { email, user } = await signedUp()
  assert.deepEqual(ok(await connect().auth.resetPasswordForEmail(address())), {}) // nobody's
  const client = connect()
  ok(await client.auth.resetPasswordForEmail(email))
  const token_hash = new URL((await mail(email)).link).searchParams.get('token')
  assert.equal(ok(await client.auth.verifyOtp({ token_hash, type: 'recovery' })).user.id, user.id)
  ok(await client.auth.updateUser({ password: 'battery staple' }))
  await loggedIn(email, 'battery staple')
  refused(await connect().auth.signInWithPassword({ email, password }), { code: 'invalid_credentials' })
})

test('resend and reauthenticate', async () => {
  const { client, email } = await signedUp()
  ok(await connect().auth.resend({ type: 'signup', email })) // confirmed already: nothing is sent
  assert.equal((await fetch(`${env('MAIL_URL')}?to=${email}`, { method: 'POST' })).status, 404)
  const moved = address()
  ok(await client.auth.updateUser({ email: moved }))
  await mail(moved)
  await later()
  ok(await client.auth.resend({ type: 'email_change', email }))
  const { fragment } = await follow(await mail(moved))
  assert.equal(fragment.get('type'), 'email_change')
  assert.equal(ok(await client.auth.getUser()).user.email, moved)
  ok(await client.auth.reauthenticate())
  const { otp, link } = await mail(moved)
  assert.match(otp, /^\d{6}$/)
  assert.equal(link, '')
  ok(await client.auth.updateUser({ password: 'battery staple', nonce: otp }))
})

test('PKCE', async () => {
  const email = address()
  const items = new Map()
  const storage = { getItem: key => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value), removeItem: key => void items.delete(key) }
  const client = connect(env('ANON_KEY'), { flowType: 'pkce', persistSession: true, storage })
  ok(await client.auth.signInWithOtp({ email, options: { emailRedirectTo: `${url}/welcome` } }))
  const code = (await follow(await mail(email))).query.get('code')
  assert.match(code, uuid)
  refused(await connect().auth.exchangeCodeForSession(code), { status: 400, code: 'validation_failed' }) // no verifier
  refused(await connect(env('ANON_KEY'), { flowType: 'pkce' }).auth.exchangeCodeForSession(code), { name: 'AuthPKCECodeVerifierMissingError' })
  assert.equal(ok(await client.auth.exchangeCodeForSession(code)).user.email, email)
  await later()
  ok(await client.auth.resetPasswordForEmail(email, { redirectTo: `${url}/new` }))
  refused(await client.auth.exchangeCodeForSession('00000000-0000-4000-8000-000000000000'), { status: 404, code: 'flow_state_not_found' })
  await later()
  ok(await client.auth.resetPasswordForEmail(email, { redirectTo: `${url}/new` }))
  const again = (await follow(await mail(email))).query.get('code')
  const { session, redirectType } = ok(await client.auth.exchangeCodeForSession(again))
  assert.equal(redirectType, 'recovery')
  assert.equal(ok(await client.auth.getUser(session.access_token)).user.email, email)
  assert.equal(session.user.email, email)
})

test('the admin invites and makes links', async () => {
  const email = address()
  refused(await connect().auth.admin.inviteUserByEmail(email), { status: 403, code: 'not_admin' })
  refused(await connect().auth.admin.generateLink({ type: 'magiclink', email }), { status: 403, code: 'not_admin' })
  const { user } = ok(await admin.inviteUserByEmail(email, { data: { name: 'Bo' }, redirectTo: `${url}/welcome` }))
  assert.ok(user.invited_at)
  assert.ok(!user.email_confirmed_at)
  const { target, fragment } = await follow(await mail(email))
  assert.equal(target.pathname, '/welcome')
  assert.equal(fragment.get('type'), 'invite')
  refused(await admin.inviteUserByEmail(email), { status: 422, code: 'email_exists' })

  const made = ok(await admin.generateLink({ type: 'magiclink', email }))
  assert.equal(made.user.id, user.id)
  assert.equal(made.properties.verification_type, 'magiclink')
  const { hashed_token, email_otp, action_link } = made.properties
  assert.ok(action_link.startsWith(`${url}/auth/v1/verify?token=${hashed_token}`))
  assert.match(email_otp, /^\d{6}$/)
  assert.equal(ok(await connect().auth.verifyOtp({ token_hash: hashed_token, type: 'email' })).user.id, user.id)
  const signup = ok(await admin.generateLink({ type: 'signup', email: address(), password }))
  assert.equal(signup.properties.verification_type, 'signup')
  assert.ok(ok(await connect().auth.verifyOtp({ token_hash: signup.properties.hashed_token, type: 'signup' })).session)
  refused(await admin.generateLink({ type: 'recovery', email: address() }), { status: 404, code: 'user_not_found' })
  const moved = address()
  const change = ok(await admin.generateLink({ type: 'email_change_new', email, newEmail: moved }))
  assert.equal(ok(await connect().auth.verifyOtp({ token_hash: change.properties.hashed_token, type: 'email_change' })).user.email, moved)
})

test('what is not built says so', async () => {
  const notBuilt = { status: 501 } // of a 5xx the client keeps no code, but the message names what is missing
  const { client } = await signedUp()
  const says = 'POST /factors: not in the embedded stack; use supabase start or a hosted project'
  refused(await client.auth.mfa.enroll({ factorType: 'totp' }), { ...notBuilt, message: says })
  refused(await connect().auth.signInWithOtp({ phone: '123456789' }), notBuilt)
  refused(await connect().auth.signInWithIdToken({ provider: 'google', token: 'x' }), notBuilt)
  refused(await connect().auth.signInWithSSO({ domain: 'example.com' }), notBuilt)
  assert.equal((await fetch(ok(await connect().auth.signInWithOAuth({ provider: 'github', options: { skipBrowserRedirect: true } })).url)).status, 501)
})
