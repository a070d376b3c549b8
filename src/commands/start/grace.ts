/** How long the end of `start` may take. */
import type { Logger } from '../../logger.ts'
import { exitAtOnce } from '../../signals.ts'

interface Grace {
  begin(): void
  end(): void
}

/** What is not over by then is left to other processes. */
export function createGrace({ log, seconds }: { readonly log: Logger; readonly seconds: number }): Grace {
  let timer: NodeJS.Timeout | undefined
  return {
    begin() {
      timer ??= setTimeout(() => {
        log.warn('the grace is over: what is still under way will be taken over by another process')
        void exitAtOnce()
      }, seconds * 1000)
    },
    end() {
      clearTimeout(timer)
    },
  }
}
