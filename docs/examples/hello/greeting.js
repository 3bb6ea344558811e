const greetings = { en: 'Hello', de: 'Hallo', fr: 'Bonjour', es: 'Hola' }

/** A greeting in one of four languages; English when the language is not known. */
export function greeting(name, language = 'en') {
  return `${greetings[language] ?? greetings.en}, ${name}!`
}
