// A person at a browser, for the end-to-end tests in Go: drives a real Chromium and takes orders over HTTP. The first line on stdout is
// where: http://127.0.0.1:<port>. POST / with {"do": …, …} answers {"ok": value} or {"error": text}.
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const tabs = new Map()
const PATIENCE = 30_000

// Each tab is a browser profile of its own: nothing is shared between two of them.
const orders = {
  async open({ tab, url, width = 1200, height = 900, dark = false }) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light' })
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE)
    const said = []
    page.on('console', message => said.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', error => said.push(`pageerror: ${error}`))
    tabs.set(tab, { context, page, said })
    await page.goto(url)
  },
  async logIn({ tab, email, password }) {
    const { page } = tabs.get(tab)
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Log in' }).click()
  },
  async start({ tab, name, labels = '' }) {
    const { page } = tabs.get(tab)
    await page.getByLabel('Node name').fill(name)
    await page.getByLabel('Labels').fill(labels)
    await page.getByRole('button', { name: 'Start' }).click()
    await page.getByRole('status').filter({ hasText: /^connected$/ }).waitFor()
  },
  // Waits until the page shows a text.
  sees: ({ tab, text }) => tabs.get(tab).page.getByText(text).first().waitFor(),
  click: ({ tab, button }) => tabs.get(tab).page.getByRole('button', { name: button }).click(),
  reload: ({ tab }) => tabs.get(tab).page.reload(),
  text: ({ tab, selector }) => tabs.get(tab).page.locator(selector).innerText(),
  evaluate: ({ tab, script }) => tabs.get(tab).page.evaluate(script),
  offline: ({ tab, is }) => tabs.get(tab).context.setOffline(is),
  screenshot: ({ tab, path }) => tabs.get(tab).page.screenshot({ path }).then(() => path),
  said: ({ tab }) => tabs.get(tab).said,
  // As a person closes a tab.
  close: ({ tab }) => tabs.get(tab).page.close(),
  // As a browser loses one.
  async crash({ tab }) {
    const { page, context } = tabs.get(tab)
    const devtools = await context.newCDPSession(page)
    const crashed = page.waitForEvent('crash')
    devtools.send('Page.crash').catch(() => {}) // there is nobody left to answer
    await crashed
  },
}

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  let answer
  try {
    const order = JSON.parse(body)
    answer = { ok: (await orders[order.do](order)) ?? null }
  } catch (error) {
    answer = { error: String(error) }
  }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(answer))
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))

async function leave() {
  server.close()
  await browser.close()
  process.exit(0)
}
process.on('SIGINT', leave).on('SIGTERM', leave)
