@echo off
rem SPDX-License-Identifier: Apache-2.0
rem espy test --test-all, with further options as given: %ESPY%, else the installed program, else the one
rem built beside this folder.
setlocal
if not "%ESPY%"=="" goto found
set "ESPY=espy"
where espy >nul 2>nul
if errorlevel 1 set "ESPY=%~dp0..\build\espy.exe"
:found
echo Tries the trained classifier on the first five photos of each student.
echo It runs: espy test --test-all %*
pause
"%ESPY%" test --test-all %*
set status=%errorlevel%
pause
exit /b %status%
