// A person's walk through the web console in a real Chromium: logs in, uploads a pack, makes a tab of the same browser a node, runs the pack
// there, reads its log, stops it; deploys it, rolls a new version out and back. Looks at every page in light and dark, wide and narrow. Prints {"violations", "said", "failed"} as JSON.
// argv: URL, folder for screenshots, axe-core's script. STARK_EMAIL and STARK_PASSWORD say who.
import { chromium } from 'playwright-core'

const [url, folder, axe] = process.argv.slice(2)
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] })
const found = { violations: [], said: [], failed: [] }
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  page.on('console', m => ['error', 'warning'].includes(m.type()) && found.said.push(m.text()))
  page.on('pageerror', error => found.said.push(String(error)))
  page.on('response', r => r.status() >= 400 && found.failed.push(`${r.status()} ${r.url()}`))
  const button = name => page.getByRole('button', { name, exact: true })

  // Over the devtools' protocol, since the page's policy lets no other script in.
  async function look(name) {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const width of [1280, 375]) {
        await page.setViewportSize({ width, height: 800 })
        await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png` })
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
        if (sideways) found.violations.push(`${name} ${width}: scrolls sideways`)
      }
      await page.evaluate(script)
      const { violations } = await page.evaluate(() => globalThis.axe.run())
      found.violations.push(...violations.map(v => `${name} ${colorScheme}: ${v.id}: ${v.nodes.map(n => n.html).join(' ')}`))
    }
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize({ width: 1280, height: 800 })
  }
  const { readFile } = await import('node:fs/promises')
  const script = await readFile(axe, 'utf8')
  const go = (name, heading) => page.getByRole('navigation').getByRole('link', { name }).click().then(() => page.getByRole('heading', { level: 1, name: heading }).waitFor())

  await page.goto(url) // / leads to the console
  await page.getByLabel('Email').fill(process.env.STARK_EMAIL)
  await page.getByLabel('Password').fill(process.env.STARK_PASSWORD)
  await look('login')
  await button('Log in').click()
  await page.getByRole('status').filter({ hasText: /^Live$/ }).waitFor()

  await go('packs', 'Packs')
  await look('packs-empty')
  await button('Upload a pack').click()
  await page.getByLabel('Bundle').setInputFiles({
    name: 'greeter.js', mimeType: 'text/javascript',
    buffer: Buffer.from('export default async ({ signal }) => { console.log("hello from the tab"); await new Promise(done => signal.addEventListener("abort", done)) }\n'),
  })
  await look('upload')
  await button('Upload').click()
  await page.getByRole('heading', { name: 'greeter' }).waitFor()

  await button('Run greeter 1.0.0').click()
  await page.getByLabel('Name', { exact: true }).fill('greeter-1')
  await button('Run').click()
  await page.getByRole('heading', { name: 'Why it waits' }).waitFor() // no node is there
  await button('What does each node say?').click()
  await page.getByRole('heading', { name: 'What each node says' }).waitFor()
  await look('pod-pending')

  const tab = await context.newPage()
  tab.setDefaultTimeout(60_000)
  await tab.goto(`${url}/agent`)
  await tab.getByLabel('Email').fill(process.env.STARK_EMAIL)
  await tab.getByLabel('Password').fill(process.env.STARK_PASSWORD)
  await tab.getByRole('button', { name: 'Log in' }).click()
  await tab.getByLabel('Node name').fill('this-tab')
  await tab.getByRole('button', { name: 'Start' }).click()
  await page.bringToFront()
  await page.getByText('hello from the tab').waitFor() // without a reload
  await page.getByRole('row').filter({ hasText: 'its place' }).filter({ hasText: 'would take it' }).waitFor()
  await look('pod-running')

  const upload = async (version, says) => {
    await go('packs', 'Packs')
    await button('Upload a pack').click()
    const source = `export default async ({ signal }) => { console.log(${JSON.stringify(says)}); await new Promise(done => signal.addEventListener("abort", done)) }\n`
    await page.getByLabel('Bundle').setInputFiles({ name: 'greeter.js', mimeType: 'text/javascript', buffer: Buffer.from(source) })
    await page.getByLabel('Version').fill(version)
    await button('Upload').click()
    await button(`Run greeter ${version}`).waitFor()
  }
  const runs = version => page.getByRole('row').filter({ hasText: version }).getByText('running', { exact: true }).first().waitFor()
  await go('deployments', 'Deployments')
  await look('deployments-empty')
  await go('packs', 'Packs')
  await button('Deploy greeter 1.0.0').click()
  await look('deploy')
  await button('Deploy').click()
  await page.getByRole('heading', { level: 1, name: 'greeter' }).waitFor()
  await runs('1.0.0')
  await page.getByText('rolled out', { exact: true }).waitFor()
  await upload('1.1.0', 'hello again')
  await go('deployments', 'Deployments')
  await page.getByRole('link', { name: 'greeter', exact: true }).click()
  await button('Change the version').click()
  await page.getByLabel('Version of greeter', { exact: true }).selectOption('1.1.0')
  await look('change-version')
  await button('Roll out').click()
  await button('Roll back to generation 1').waitFor()
  await runs('1.1.0')
  await page.getByText('rolled out', { exact: true }).waitFor()
  await page.getByRole('cell', { name: '1.0.0', exact: true }).waitFor({ state: 'detached' }) // the old pod is gone
  await look('deployment')
  await button('Roll back to generation 1').click()
  await button('Roll back to generation 2').waitFor()
  await runs('1.0.0')
  await page.getByText('rolled out', { exact: true }).waitFor()
  await look('deployment-back')
  while (await button('Dismiss').count()) await button('Dismiss').first().click()
  for (const [name, heading] of [['overview', 'Overview'], ['nodes', 'Nodes'], ['pods', 'Pods'], ['deployments', 'Deployments'], ['packs', 'Packs'], ['namespaces', 'Namespaces'], ['priorities', 'Priority classes'], ['events', 'Events'], ['users', 'Users']]) {
    await go(name, heading)
    await look(name)
  }
  await go('events', 'Events')
  await page.keyboard.press('/')
  await page.keyboard.type('greeter')
  await page.getByRole('row').filter({ hasText: 'deployment greeter' }).first().waitFor()
  await go('namespaces', 'Namespaces')
  await button('Create a namespace').click()
  await page.getByLabel('Name', { exact: true }).fill('staging')
  await page.getByLabel('Pods', { exact: true }).fill('3')
  await page.getByRole('textbox', { name: 'CPU' }).fill('many')
  const before = [found.failed.length, found.said.length]
  await button('Create').click()
  await page.getByRole('alert').filter({ hasText: 'maxCpu' }).waitFor() // refused, and said where
  if (!found.failed.splice(before[0]).every(f => f.startsWith('400 '))) found.violations.push('a bad quota is not refused with 400')
  found.said.splice(before[1]) // Chromium says that 400 too
  await page.getByRole('textbox', { name: 'CPU' }).fill('1500m')
  await look('namespace-form')
  await button('Create').click()
  await page.getByRole('meter', { name: 'CPU' }).and(page.locator('[aria-valuetext="0 of 1500m"]')).waitFor()
  await button('Change the quota of staging').click()
  await page.getByRole('textbox', { name: 'CPU' }).fill('2')
  await button('Save').click()
  await page.locator('[aria-valuetext="0 of 2"]').waitFor()
  await go('priorities', 'Priority classes')
  await button('Create a class').click()
  await page.getByLabel('Name', { exact: true }).fill('urgent')
  await page.getByLabel('Value').fill('1000')
  await look('priority-form')
  await button('Create').click()
  await page.getByRole('row').filter({ hasText: 'urgent' }).waitFor()
  await look('priority-classes')
  await go('nodes', 'Nodes')
  await button('Cordon this-tab').click()
  await button('Uncordon this-tab').waitFor()
  await go('pods', 'Pods')
  await page.getByRole('link', { name: 'greeter-1', exact: true }).click()
  await button('Why this node?').click()
  await page.getByRole('row').filter({ hasText: 'its place' }).filter({ hasText: 'cordoned' }).waitFor()
  const filters = page.getByLabel('Refused by')
  await filters.selectOption({ index: 1 })
  await look('pod-refused')
  await go('nodes', 'Nodes')
  await button('Uncordon this-tab').click()
  await button('Cordon this-tab').waitFor()
  await go('deployments', 'Deployments')
  await page.getByRole('link', { name: 'greeter', exact: true }).click()
  await button('Delete').click()
  await button('Delete it').click()
  await page.getByRole('heading', { name: 'No deployment yet' }).waitFor()
  await go('pods', 'Pods')
  await page.getByRole('link', { name: 'greeter-1', exact: true }).click()
  await button('Stop').click()
  await button('Delete').click()
  await page.getByRole('link', { name: 'greeter-1', exact: true }).waitFor({ state: 'detached' })
  await go('nodes', 'Nodes')
  await button('Drain this-tab').click()
  await page.getByRole('heading', { name: 'Drain this-tab?' }).waitFor()
  await look('drain')
  await button('Drain it').click()
  await page.getByText('draining', { exact: true }).waitFor()
  await button('Log out').click()
  await page.getByRole('heading', { name: 'Log in to Stark' }).waitFor()
} catch (error) {
  found.said.push(`the walk ended early: ${error}`)
} finally {
  console.log(JSON.stringify(found))
  await browser.close()
}
