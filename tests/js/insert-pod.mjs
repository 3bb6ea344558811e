// Logs somebody in and inserts the pod of ROW, as people do with supabase-js; prints the answer. Driven by tests/e2e.
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const { SUPABASE_URL, SUPABASE_KEY, EMAIL, PASSWORD, ROW } = process.env
const client = createClient(SUPABASE_URL, SUPABASE_KEY, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: ws }, // Node.js 20 has no WebSocket
})
const login = await client.auth.signInWithPassword({ email: EMAIL, password: PASSWORD })
if (login.error) throw login.error
const { status, data, error } = await client.from('pods').insert(JSON.parse(ROW)).select('id').single()
console.log(JSON.stringify({ status, id: data?.id, code: error?.code }))
