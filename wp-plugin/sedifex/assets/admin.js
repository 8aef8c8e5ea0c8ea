/**
 * Comfort on the plugin's page: progress of "Sync now", a health panel that stays true, and copying. Without it every
 * button works all the same.
 */
(function (given) {
    'use strict';

    const REFRESH_MS = 15000;
    const MAX_STEPS = 200;

    async function ask(shop, what, method) {
        const answer = await fetch(given.rest + shop.dataset.sedifexShop + '/' + what, {
            method,
            headers: { 'X-WP-Nonce': given.nonce },
            credentials: 'same-origin',
        });
        if (!answer.ok) {
            throw new Error(String(answer.status));
        }
        return answer.json();
    }

    function show(shop, answer) {
        shop.querySelector('[data-sedifex-panel]').innerHTML = answer.panel;
        shop.querySelector('[data-sedifex-attempts]').innerHTML = answer.attempts;
    }

    function say(shop, text, isWorking) {
        const progress = shop.querySelector('[data-sedifex-progress]');
        progress.textContent = text;
        if (isWorking) {
            const bar = document.createElement('progress');
            bar.setAttribute('aria-label', text);
            progress.append(bar);
        }
    }

    async function sync(shop, button) {
        button.disabled = true;
        say(shop, given.words.reading, true);
        try {
            let answer = await ask(shop, 'sync', 'POST');
            for (let step = 0; step < MAX_STEPS && answer.result === 'partial'; step++) {
                say(shop, given.words.read.replace('%d', answer.read), true);
                answer = await ask(shop, 'sync', 'POST');
            }
            show(shop, answer);
            say(shop, answer.result === 'done' ? given.words.done : given.words.failed, false);
        } catch (problem) {
            say(shop, given.words.offline, false);
        } finally {
            button.disabled = false;
        }
    }

    async function copy(shop, button) {
        const text = shop.querySelector('[data-sedifex-diagnostics]');
        try {
            await navigator.clipboard.writeText(text.value);
        } catch (problem) {
            text.select();
            document.execCommand('copy');
        }
        const label = button.textContent;
        button.textContent = given.words.copied;
        setTimeout(() => (button.textContent = label), 2000);
    }

    function isInUse(shop) {
        const parts = [...shop.querySelectorAll('[data-sedifex-panel], [data-sedifex-attempts]')];
        return parts.some((part) => part.contains(document.activeElement)) || String(getSelection()) !== '';
    }

    for (const shop of document.querySelectorAll('[data-sedifex-shop]')) {
        shop.querySelector('.sedifex-do-sync')?.addEventListener('submit', (event) => {
            event.preventDefault();
            sync(shop, event.target.querySelector('button'));
        });
        const copying = shop.querySelector('[data-sedifex-copy]');
        copying.hidden = false;
        copying.addEventListener('click', () => copy(shop, copying));
        setInterval(() => {
            if (!document.hidden && !isInUse(shop)) {
                ask(shop, 'health', 'GET').then((answer) => show(shop, answer), () => {});
            }
        }, REFRESH_MS);
    }

    // Testing a connection takes a moment: the button says so, and is not pressed twice.
    for (const form of document.querySelectorAll('.sedifex form:not(.sedifex-do-sync)')) {
        form.addEventListener('submit', () => {
            const button = form.querySelector('button');
            setTimeout(() => {
                button.disabled = true;
                button.textContent = given.words.working;
            });
        });
    }
})(window.sedifexAdmin);
