// A CommonJS module: an object with start and stop keeps running until the pod is stopped.
let timer
let ticks = 0

module.exports = {
  start({ env, podName }) {
    const every = Number(env.EVERY_MS || 500)
    console.log(`${podName} ticks every ${every} ms`)
    timer = setInterval(() => console.log(`tick ${++ticks}`), every)
  },
  stop() {
    clearInterval(timer)
    console.log(`stopped after ${ticks} ticks`)
  },
}
