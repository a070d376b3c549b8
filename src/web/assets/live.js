// Replaces what is on the page by what the server sends. A server that takes no more streams is asked once in a while.
const place = document.querySelector('[data-live]')

function follow() {
  const source = new EventSource(place.getAttribute('data-live'))
  source.addEventListener('message', ({ data }) => {
    // Not under the hands of a person who reads it by the keyboard, or marks some of it.
    const selection = document.getSelection()
    if (place.contains(document.activeElement) || (selection !== null && !selection.isCollapsed)) return
    const open = [...place.querySelectorAll('details[open][id]')].map(({ id }) => id)
    place.innerHTML = data
    for (const id of open) document.getElementById(id)?.setAttribute('open', '')
  })
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 30_000)
  })
  return source
}

if (place !== null) {
  let source
  // A browser has six connections to a host: with as many streams, of pages that no one sees, another page would not open.
  const followWhileSeen = () => {
    if (!document.hidden) source ??= follow()
    else {
      source?.close()
      source = undefined
    }
  }
  document.addEventListener('visibilitychange', followWhileSeen)
  followWhileSeen()
}
