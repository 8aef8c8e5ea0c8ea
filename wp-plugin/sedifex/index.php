<?php

// Silence is golden.
