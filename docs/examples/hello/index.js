// An ES module: its default export is called with the pod's context. What it returns becomes the pod's result.
import { greeting } from './greeting.js'

export default async function hello({ args, env, log, podName }) {
  const names = args.length > 0 ? args : ['world']
  for (const name of names) {
    console.log(greeting(name, env.LANGUAGE))
  }
  log.debug(`pod ${podName} has greeted ${names.length}`)
  return { greeted: names }
}
